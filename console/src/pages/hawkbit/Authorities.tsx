import { Button, Group } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type DdiAuthorities, take } from "../../api/client";
import { useMay } from "../../api/may";
import { ddiAuthoritiesQuery } from "../../api/queries";
import type { Tone } from "../../api/states";
import { useAnnounce } from "../../parts/Announcer";
import { ConfirmButton } from "../../parts/Confirm";
import { CopyIcon } from "../../parts/Copy";
import { DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { Ago, useNow } from "../../parts/Time";
import { shortDigest } from "../../parts/text";
import { SetAuthorities } from "./SetAuthorities";
import { authorityState, listState } from "./words";

// Whose certificates show which device it is.
export function Authorities() {
  const query = useQuery(ddiAuthoritiesQuery);
  const mayChange = useMay()("PUT /api/v1/ddi/authorities");
  const now = useNow();
  const lists = query.data?.revocation_lists ?? [];
  return (
    <>
      <Panel title="Certificate authorities" flush aside={mayChange && query.data && <Orders all={query.data} />}>
        <Loaded query={query} rows={2}>
          {({ authorities }) => (
            <DataTable
              label="Certificate authorities"
              rows={authorities}
              rowKey={({ sha256 }) => sha256}
              empty={
                <Empty icon="signature" title="No certificate counts">
                  Where it is said who issues the devices&apos; certificates, a registered device may show one instead of a token. Its common name is the device&apos;s name.
                </Empty>
              }
              columns={[
                { head: "Authority", cell: (authority) => <Authority authority={authority} /> },
                { head: "State", cell: ({ not_after_ms: notAfterMs }) => <Judged state={authorityState(notAfterMs, now)} /> },
                { head: "Expires", phone: "out", cell: ({ not_after_ms: notAfterMs }) => <Ago ms={notAfterMs} /> },
                { head: "SHA-256", phone: "below", cell: ({ subject, sha256 }) => <span className="nowrap"><code title={sha256}>{shortDigest(sha256)}…</code> <CopyIcon text={sha256} what={`the digest of ${subject}`} /></span> },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      {lists.length > 0 && (
        <Panel title="Revocation lists" flush>
          <DataTable
            label="Revocation lists"
            rows={lists.map((list, number) => ({ ...list, number }))}
            rowKey={({ number }) => number}
            columns={[
              { head: "Authority", cell: ({ issuer }) => issuer },
              { head: "State", cell: ({ next_update_ms: nextUpdateMs }) => <Judged state={listState(nextUpdateMs, now)} /> },
              { head: "Next update", cell: ({ next_update_ms: nextUpdateMs }) => (nextUpdateMs === undefined ? <span className="dim">none named</span> : <Ago ms={nextUpdateMs} />) },
            ]}
          />
        </Panel>
      )}
    </>
  );
}

function Orders({ all }: { all: DdiAuthorities }) {
  const [setting, set] = useDisclosure(false);
  const client = useQueryClient();
  const announce = useAnnounce();
  const ours = all.authorities.filter(({ by_option: byOption }) => !byOption);
  const remove = async () => {
    await take(api.DELETE("/api/v1/ddi/authorities"));
    announce("Authorities removed");
    await client.invalidateQueries({ queryKey: ddiAuthoritiesQuery.queryKey });
  };
  return (
    <Group gap="xs">
      {ours.length > 0 && (
        <ConfirmButton label="Remove…" button={{ size: "compact-sm", "aria-label": "Remove the authorities" }} title="Remove the authorities?" action="Remove" run={remove}>
          <p>Devices that show certificates of these are refused from their next request on; those with tokens go on as before.</p>
          <ul>
            {ours.map(({ subject, sha256 }) => (
              <li key={sha256}>{subject}</li>
            ))}
          </ul>
          <p>To take them back you set them again.</p>
        </ConfirmButton>
      )}
      <Button size="compact-sm" onClick={set.open}>
        Set authorities…
      </Button>
      {setting && <SetAuthorities before={ours.map(({ subject }) => subject)} close={set.close} />}
    </Group>
  );
}

function Authority({ authority: { subject, by_option: byOption } }: { authority: DdiAuthorities["authorities"][number] }) {
  return (
    <>
      {subject}
      {byOption && (
        <div className="dim">
          by <code>--client-ca</code>: only the server&apos;s operator can take it away
        </div>
      )}
    </>
  );
}

function Judged({ state: [tone, label] }: { state: [Tone, string] }) {
  return <Dot tone={tone}>{label}</Dot>;
}
