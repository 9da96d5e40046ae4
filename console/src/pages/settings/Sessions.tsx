import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type ApiToken, take } from "../../api/client";
import { tokensQuery } from "../../api/queries";
import { endSession } from "../../api/session";
import { ConfirmButton, RowConfirm } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { Pill } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { clientText } from "./words";

// Where one is logged in; the session that one looks from leads.
export function Sessions() {
  const query = useQuery(tokensQuery);
  const sessions = query.data?.tokens.filter(({ kind }) => kind === "session") ?? [];
  return (
    <Panel title="My sessions" flush aside={sessions.some(({ current }) => !current) && <EndOthers />}>
      <Loaded query={query} rows={2}>
        {() => (
          <DataTable
            label="Sessions"
            rows={sessions.sort((one, other) => Number(other.current ?? false) - Number(one.current ?? false) || (other.used_ms ?? 0) - (one.used_ms ?? 0))}
            rowKey={({ id }) => id}
            columns={[
              { head: "Browser", cell: (session) => <Client session={session} /> },
              { head: "Address", phone: "below", cell: ({ address }) => address && <code>{address}</code> },
              { head: "Begun", phone: "below", cell: ({ created_ms: begun }) => <Ago ms={begun} /> },
              { head: "Last used", cell: ({ used_ms: used = 0 }) => <Ago ms={used} /> },
              { phone: "below", cell: (session) => <End session={session} /> },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  );
}

function Client({ session: { client, current } }: { session: ApiToken }) {
  return (
    <span title={client}>
      {clientText(client)} {current && <Pill tone="good">this one</Pill>}
    </span>
  );
}

function End({ session: { id, client, current } }: { session: ApiToken }) {
  const queries = useQueryClient();
  const end = async () => {
    await take(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } }));
    if (current) endSession(queries);
    else await queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
  };
  return (
    <RowConfirm act="End" what={`session ${id}, ${clientText(client)}`} run={end}>
      {current ? "It is the one that you use now: you are logged out." : "Whoever uses it has to log in again."}
    </RowConfirm>
  );
}

function EndOthers() {
  const queries = useQueryClient();
  const end = async () => {
    await take(api.POST("/api/v1/session/end-others"));
    await queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
  };
  return (
    <ConfirmButton label="End all others…" button={{ size: "compact-sm" }} title="End all other sessions?" action="End them" run={end}>
      Only this one goes on. API tokens stay.
    </ConfirmButton>
  );
}
