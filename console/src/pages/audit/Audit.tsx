import { Table, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { auditQuery } from "../../api/queries";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { timeText } from "../../parts/text";
import classes from "../devices/Devices.module.css";
import own from "./Audit.module.css";

// Who changed what, the newest first; for administrators.
export function Audit() {
  const [user, setUser] = useState("");
  const [asked] = useDebouncedValue(user.trim(), 300);
  const query = useInfiniteQuery(auditQuery(asked || undefined));
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <Page title="Audit log" lead="Every change that somebody asked for, and how it was answered.">
      <Panel flush>
        <div className={classes.bar}>
          <TextInput className={classes.query} aria-label="User" placeholder="Only of one user" data-query-bar value={user} onChange={(event) => setUser(event.currentTarget.value)} spellCheck={false} autoComplete="off" />
        </div>
        <Loaded query={query} rows={8}>
          {() =>
            entries.length === 0 ? (
              <Empty icon="audit" title={asked ? `Nothing by ${asked}` : "Nothing yet"} />
            ) : (
              <Table.ScrollContainer minWidth={0} type="native" tabIndex={0}>
                <Table aria-label="Audit log">
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>When</Table.Th>
                      <Table.Th>User</Table.Th>
                      <Table.Th>What</Table.Th>
                      <Table.Th className="wide">Sent</Table.Th>
                      <Table.Th>Answer</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {entries.map((entry) => (
                      <Table.Tr key={entry.id}>
                        <Table.Td className="numbers nowrap">{timeText(entry.time_ms)}</Table.Td>
                        <Table.Td title={entry.peer}>{entry.user || <span className="dim">nobody yet</span>}</Table.Td>
                        <Table.Td className={own.asked}>
                          <code>
                            {entry.method} {entry.path.replace("/api/v1", "")}
                          </code>
                        </Table.Td>
                        <Table.Td className="wide">
                          <code>{entry.detail}</code>
                        </Table.Td>
                        <Table.Td>
                          <Dot tone={entry.status === undefined ? "warn" : entry.status < 400 ? "good" : "bad"}>{entry.status === undefined ? "cut off" : entry.error ? `E${entry.error}` : "done"}</Dot>
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )
          }
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
