import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client";
import { deviceHealthQuery, releaseHealthQuery, rolloutHealthQuery } from "../../api/queries";
import { DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { countText } from "../../parts/text";
import { changeText, hoursText, measureText, numberText, rebootsText } from "./words";

type Health = Schemas["Health"];

export function ReleaseHealth({ id }: { id: number }) {
  return <Panel title="Health" flush><Loaded query={useQuery(releaseHealthQuery(id))}>{(health) => <Comparison health={health} />}</Loaded></Panel>;
}

export function RolloutHealth({ id }: { id: number }) {
  return <Panel title="Health" flush><Loaded query={useQuery(rolloutHealthQuery(id))}>{(health) => <Comparison health={health} />}</Loaded></Panel>;
}

function Comparison({ health }: { health: Health }) {
  if (health.device_count === 0) return <Empty icon="devices" title="No device has told how it is with this version" />;
  return (
    <DataTable
      label="Health"
      rows={health.measures}
      rowKey={({ name }) => name}
      caption={
        <>
          {countText(health.device_count, "device")}, up {hoursText(health.uptime_s)}; reboots: {rebootsText(health.reboots)}. {countText(health.step.device_count, "device")} ran another version before
          {health.step.from.length > 0 && ` (${health.step.from.map(({ version }) => version).join(", ")})`}.
        </>
      }
      columns={[
        { head: "Measure", cell: ({ name }) => measureText(name) },
        { head: "All", right: true, phone: "below", cell: ({ value }) => numberText(value) },
        { head: "Before", right: true, cell: ({ step }) => (step ? numberText(step.before) : "–") },
        { head: "Now", right: true, cell: ({ step }) => (step ? numberText(step.value) : "–") },
        { head: "Change", right: true, cell: ({ step }) => (step ? changeText(step.before, step.value) : "–") },
      ]}
    />
  );
}

export function DeviceHealth({ name }: { name: string }) {
  const { data } = useQuery(deviceHealthQuery(name));
  if (!data || data.versions.length === 0) return null;
  return (
    <Panel title="Health" flush>
      <DataTable
        label="Health"
        rows={data.versions}
        rowKey={({ version }) => version}
        caption={data.last_boot && `Its last start came about by: ${data.last_boot}`}
        columns={[
          { head: "Version", cell: ({ version }) => version },
          { head: "Up", right: true, cell: ({ uptime_s: uptime }) => hoursText(uptime) },
          { head: "Reboots", phone: "below", cell: ({ reboots }) => rebootsText(reboots) },
          { head: "Metrics, on average", phone: "below", cell: ({ metrics }) => Object.entries(metrics).map(([metric, { mean, last }]) => `${metric} ${numberText(mean ?? last)}`).join(", ") },
        ]}
      />
    </Panel>
  );
}
