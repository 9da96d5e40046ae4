import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { auditQuery } from "../../api/queries";
import { DataTable } from "../../parts/DataTable";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { timeText } from "../../parts/text";
import bar from "../devices/Devices.module.css";
import classes from "./Audit.module.css";

// Who changed what, the newest first; for administrators.
export function Audit() {
  const [user, setUser] = useState("");
  const [asked] = useDebouncedValue(user.trim(), 300);
  const query = useInfiniteQuery(auditQuery(asked || undefined));
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Page title="Audit log" lead="Every change that somebody asked for, and how it was answered.">
      <Panel flush>
        <div className={bar.bar}>
          <TextInput className={bar.query} aria-label="User" placeholder="Only of one user" data-query-bar value={user} onChange={(event) => setUser(event.currentTarget.value)} spellCheck={false} autoComplete="off" />
        </div>
        <Loaded query={query} rows={8}>
          {() => (
            <DataTable
              label="Audit log"
              rows={entries}
              rowKey={({ id }) => id}
              empty={<Empty icon="audit" title={asked ? `Nothing by ${asked}` : "Nothing yet"} />}
              columns={[
                { head: "When", cell: ({ time_ms: time }) => <span className="nowrap">{timeText(time)}</span> },
                { head: "User", phone: "below", cell: ({ user, peer }) => <span title={peer}>{user || <span className="dim">nobody yet</span>}</span> },
                { head: "What", phone: "below", cell: ({ method, path }) => <code className={classes.asked}>{method} {path.replace("/api/v1", "")}</code> },
                { head: "Sent", phone: "out", cell: ({ detail }) => <code>{detail}</code> },
                { head: "Answer", cell: ({ status, error }) => <Dot tone={status === undefined ? "warn" : status < 400 ? "good" : "bad"}>{status === undefined ? "cut off" : error ? `E${error}` : "done"}</Dot> },
              ]}
            />
          )}
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
