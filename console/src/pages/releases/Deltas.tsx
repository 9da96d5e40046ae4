import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client";
import { deltasQuery } from "../../api/queries";
import { downloadText } from "../../parts/download";
import { Loaded } from "../../parts/Loaded";
import { Empty, Facts, Panel } from "../../parts/Page";
import { Pill } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { sizeText } from "../../parts/text";

// What devices can be brought to the release by, and what its downloads have cost.
export function Deltas({ release, full_bytes }: { release: number; full_bytes: number }) {
  const query = useQuery(deltasQuery(release));
  return (
    <>
      <Panel title="Deltas" flush>
        <Loaded query={query}>
          {({ deltas, making }) => (
            <>
              {deltas.length === 0 && !making && (
                <Empty icon="releases" title="No delta leads here">
                  The server makes them from versions that devices run, when this release is meant for them. Devices never wait for one.
                </Empty>
              )}
              {(deltas.length > 0 || making) && <DeltaTable deltas={deltas} making={making} full_bytes={full_bytes} />}
            </>
          )}
        </Loaded>
      </Panel>
      {query.data && query.data.downloads.length > 0 && (
        <Panel title="Downloads">
          <Facts facts={query.data.downloads.map((total) => [`${total.deployments} ${total.deployments === 1 ? "device" : "devices"}`, downloadText(total)])} />
        </Panel>
      )}
    </>
  );
}

function DeltaTable({ deltas, making, full_bytes }: { deltas: Schemas["Delta"][]; making?: { from_version: string; devices: number }; full_bytes: number }) {
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Deltas">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>From version</Table.Th>
            <Table.Th className="wide">Hardware</Table.Th>
            <Table.Th>Size</Table.Th>
            <Table.Th className="wide">Made</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {making && (
            <Table.Tr>
              <Table.Td className="numbers">{making.from_version}</Table.Td>
              <Table.Td className="wide" />
              <Table.Td>
                <Pill tone="busy">being made</Pill>
              </Table.Td>
              <Table.Td className="wide">for {making.devices.toLocaleString("en")} devices</Table.Td>
            </Table.Tr>
          )}
          {deltas.map((delta) => (
            <Table.Tr key={delta.id}>
              <Table.Td className="numbers">{delta.from_version}</Table.Td>
              <Table.Td className="wide">{delta.hardware.join(", ") || "any"}</Table.Td>
              <Table.Td>{delta.problem ? `none: ${delta.problem}` : `${sizeText(delta.size_bytes ?? 0)} of ${sizeText(full_bytes)}`}</Table.Td>
              <Table.Td className="wide">
                <Ago ms={delta.created_ms} /> by {delta.created_by ?? "the server"}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
