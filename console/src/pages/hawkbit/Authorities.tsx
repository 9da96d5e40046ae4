import { Button, Group, Table } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, type DdiAuthorities, take } from "../../api/client";
import { ddiAuthoritiesQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import { useAnnounce } from "../../parts/Announcer";
import { ConfirmButton } from "../../parts/Confirm";
import { CopyIcon } from "../../parts/Copy";
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
  const mayChange = useMay("admin");
  const lists = query.data?.revocation_lists ?? [];
  return (
    <>
      <Panel title="Certificate authorities" flush aside={mayChange && query.data && <Orders all={query.data} />}>
        <Loaded query={query} rows={2}>
          {(all) =>
            all.authorities.length === 0 ? (
              <Empty icon="signature" title="No certificate counts">
                Where it is said who issues the devices&apos; certificates, a registered device may show one instead of a token. Its common name is the device&apos;s name.
              </Empty>
            ) : (
              <AuthorityTable authorities={all.authorities} />
            )
          }
        </Loaded>
      </Panel>
      {lists.length > 0 && (
        <Panel title="Revocation lists" flush>
          <ListTable lists={lists} />
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

function AuthorityTable({ authorities }: { authorities: DdiAuthorities["authorities"] }) {
  const now = useNow();
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Certificate authorities">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Authority</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th className="wide">Expires</Table.Th>
            <Table.Th>SHA-256</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {authorities.map(({ subject, sha256, not_after_ms: notAfterMs, by_option: byOption }) => {
            const [tone, label] = authorityState(notAfterMs, now);
            return (
              <Table.Tr key={sha256}>
                <Table.Td>
                  {subject}
                  {byOption && (
                    <div className="dim">
                      by <code>--client-ca</code>: only the server&apos;s operator can take it away
                    </div>
                  )}
                </Table.Td>
                <Table.Td>
                  <Dot tone={tone}>{label}</Dot>
                </Table.Td>
                <Table.Td className="wide">
                  <Ago ms={notAfterMs} />
                </Table.Td>
                <Table.Td className="nowrap">
                  <code title={sha256}>{shortDigest(sha256)}…</code> <CopyIcon text={sha256} what={`the digest of ${subject}`} />
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function ListTable({ lists }: { lists: DdiAuthorities["revocation_lists"] }) {
  const now = useNow();
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Revocation lists">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Authority</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Next update</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lists.map(({ issuer, next_update_ms: nextUpdateMs }, i) => {
            const [tone, label] = listState(nextUpdateMs, now);
            return (
              <Table.Tr key={`${issuer}-${i}`}>
                <Table.Td>{issuer}</Table.Td>
                <Table.Td>
                  <Dot tone={tone}>{label}</Dot>
                </Table.Td>
                <Table.Td>{nextUpdateMs === undefined ? <span className="dim">none named</span> : <Ago ms={nextUpdateMs} />}</Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
