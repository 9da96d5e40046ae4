import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Rollout } from "../../api/client";
import { errorMeaningsQuery } from "../../api/errors";
import { Facts, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { healthGateText } from "../health/words";
import { countText, timeText } from "../../parts/text";

// What devices ended with, the most frequent first.
export function Errors({ errors }: { errors: { error: number; device_count: number }[] }) {
  const { data: meanings } = useQuery(errorMeaningsQuery);
  return (
    <Panel title="Failure reasons" flush>
      <Table aria-label="Failure reasons">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Error</Table.Th>
            <Table.Th>Meaning</Table.Th>
            <Table.Th ta="right">Devices</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {[...errors]
            .sort((a, b) => b.device_count - a.device_count)
            .map(({ error, device_count: count }) => (
              <Table.Tr key={error}>
                <Table.Td>{error === 0 ? "without an error number" : <code>E{error}</code>}</Table.Td>
                <Table.Td>{meanings?.get(error)}</Table.Td>
                <Table.Td ta="right" className="numbers">
                  {count.toLocaleString("en")}
                </Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
    </Panel>
  );
}

interface RolloutEvent {
  id: number;
  time_ms: number;
  event: string;
  by: string;
  detail: string;
}

export function Events({ events }: { events: RolloutEvent[] }) {
  return (
    <Panel title="What happened" flush>
      <Table.ScrollContainer minWidth={0} type="native" tabIndex={0}>
        <Table aria-label="What happened">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>When</Table.Th>
              <Table.Th>What</Table.Th>
              <Table.Th className="wide">By</Table.Th>
              <Table.Th>Detail</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...events].reverse().map((event) => (
              <Table.Tr key={event.id}>
                <Table.Td className="numbers">{timeText(event.time_ms)}</Table.Td>
                <Table.Td>{event.event.replaceAll("-", " ")}</Table.Td>
                <Table.Td className="wide">{event.by}</Table.Td>
                <Table.Td>{event.detail}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}

function windowText(window: { from: string; until: string; days?: string[] }): string {
  return `${window.from} to ${window.until}${window.days ? `, ${window.days.join(" ")}` : ""}, by the device's clock`;
}

function rateText({ rate_per_minute: rate, rate_growth: growth }: Rollout): string {
  if (!rate) return "no limit";
  return `${rate} a minute${growth ? `, ${growth.factor_percent}% of it every ${+(growth.interval_s / 60).toFixed(1)} min` : ""}`;
}

export function Plan({ rollout }: { rollout: Rollout }) {
  const gates = (rollout.gates ?? []).map(({ failure, max_permille: max, min_sample: sample }) => `more than ${max / 10}% ${!failure || failure === "any" ? "failed in any way" : failure} of at least ${countText(sample ?? 1, "device")}`);
  return (
    <Panel title="The plan">
      <Facts
        facts={[
          ["Description", rollout.description],
          ["Stops at", [...gates, ...(rollout.health_gates ?? []).map(healthGateText)].join("; ")],
          ["Then", rollout.on_broken === "roll-back" ? "rolls back" : "pauses"],
          ["Silent after", rollout.deadline_s && `${+(rollout.deadline_s / 3600).toFixed(1)} h`],
          ["Rate", rateText(rollout)],
          ["Tried again", rollout.retries ? `${rollout.retries} times` : undefined],
          ["Newcomers", rollout.adopt ? "join" : "stay out"],
          ["Consent", rollout.policy?.consent ? "a person at the device has to agree" : undefined],
          ["Download only", rollout.policy?.download_only ? "until it is released" : undefined],
          ["Window", rollout.policy?.window && windowText(rollout.policy.window)],
          ["Made", <span key=""><Ago ms={rollout.created_ms} /> by {rollout.created_by}</span>],
          ["Approved by", rollout.approved_by],
          ["Starts", rollout.start_at_ms !== undefined && rollout.started_ms === undefined ? timeText(rollout.start_at_ms) : undefined],
          ["Takes back", rollout.parent && <To to="/rollouts/$id" params={{ id: String(rollout.parent) }}>Rollout {rollout.parent}</To>],
          ["Taken back by", rollout.successor && <To to="/rollouts/$id" params={{ id: String(rollout.successor) }}>Rollout {rollout.successor}</To>],
        ]}
      />
    </Panel>
  );
}
