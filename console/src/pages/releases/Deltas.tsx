import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client";
import { deltasQuery } from "../../api/queries";
import { DataTable } from "../../parts/DataTable";
import { downloadText } from "../../parts/download";
import { Loaded } from "../../parts/Loaded";
import { Empty, Facts, Panel } from "../../parts/Page";
import { Pill } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { countText, sizeText } from "../../parts/text";

// What devices can be brought to the release by, and what its downloads have cost.
export function Deltas({ release, full_bytes }: { release: number; full_bytes: number }) {
  const query = useQuery(deltasQuery(release));
  return (
    <>
      <Panel title="Deltas" flush>
        <Loaded query={query}>
          {({ deltas, making }) => <DeltaTable deltas={deltas} making={making} full_bytes={full_bytes} />}
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

function outcomeText({ problem, size_bytes: size }: Schemas["Delta"], full_bytes: number): string {
  return problem ? `none: ${problem}` : `${sizeText(size ?? 0)} of ${sizeText(full_bytes)}`;
}

function DeltaTable({ deltas, making, full_bytes }: { deltas: Schemas["Delta"][]; making?: { from_version: string; devices: number }; full_bytes: number }) {
  return (
    <DataTable
      label="Deltas"
      rows={[...(making ? [making] : []), ...deltas]}
      rowKey={(row) => ("id" in row ? row.id : "making")}
      empty={
        <Empty icon="releases" title="No delta leads here">
          The server makes them from versions that devices run, when this release is meant for them. Devices never wait for one.
        </Empty>
      }
      columns={[
        { head: "From version", cell: ({ from_version: from }) => from },
        { head: "Hardware", phone: "out", cell: (row) => "id" in row && (row.hardware.join(", ") || "any") },
        { head: "Size", cell: (row) => ("id" in row ? outcomeText(row, full_bytes) : <Pill tone="busy">being made</Pill>) },
        { head: "Made", phone: "out", cell: (row) => ("id" in row ? <><Ago ms={row.created_ms} /> by {row.created_by ?? "the server"}</> : `for ${countText(row.devices, "device")}`) },
      ]}
    />
  );
}
