import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../../api/client";
import { deviceHealthQuery, releaseHealthQuery, rolloutHealthQuery } from "../../api/queries";
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
    <Table.ScrollContainer minWidth={0} type="native" tabIndex={0}>
      <Table aria-label="Health" captionSide="top">
        <Table.Caption>
          {countText(health.device_count, "device")}, up {hoursText(health.uptime_s)}; reboots: {rebootsText(health.reboots)}. {countText(health.step.device_count, "device")} ran another version before
          {health.step.from.length > 0 && ` (${health.step.from.map(({ version }) => version).join(", ")})`}.
        </Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Measure</Table.Th>
            <Table.Th ta="right">All</Table.Th>
            <Table.Th ta="right">Before</Table.Th>
            <Table.Th ta="right">Now</Table.Th>
            <Table.Th ta="right">Change</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {health.measures.map(({ name, value, step }) => (
            <Table.Tr key={name}>
              <Table.Td>{measureText(name)}</Table.Td>
              <Table.Td ta="right" className="numbers">{numberText(value)}</Table.Td>
              <Table.Td ta="right" className="numbers">{step ? numberText(step.before) : "–"}</Table.Td>
              <Table.Td ta="right" className="numbers">{step ? numberText(step.value) : "–"}</Table.Td>
              <Table.Td ta="right" className="numbers">{step ? changeText(step.before, step.value) : "–"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export function DeviceHealth({ name }: { name: string }) {
  const { data } = useQuery(deviceHealthQuery(name));
  if (!data || data.versions.length === 0) return null;
  return (
    <Panel title="Health" flush>
      <Table.ScrollContainer minWidth={0} type="native" tabIndex={0}>
        <Table aria-label="Health" captionSide="top">
          {data.last_boot && <Table.Caption>Its last start came about by: {data.last_boot}</Table.Caption>}
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Version</Table.Th>
              <Table.Th ta="right">Up</Table.Th>
              <Table.Th>Reboots</Table.Th>
              <Table.Th>Metrics, on average</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.versions.map((version) => (
              <Table.Tr key={version.version}>
                <Table.Td>{version.version}</Table.Td>
                <Table.Td ta="right" className="numbers">{hoursText(version.uptime_s)}</Table.Td>
                <Table.Td>{rebootsText(version.reboots)}</Table.Td>
                <Table.Td>
                  {Object.entries(version.metrics)
                    .map(([metric, { mean, last }]) => `${metric} ${numberText(mean ?? last)}`)
                    .join(", ")}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}
