import { useQuery } from "@tanstack/react-query";
import type { Rollout } from "../../api/client";
import { errorMeaningsQuery } from "../../api/errors";
import { DataTable } from "../../parts/DataTable";
import { Facts, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { healthGateText } from "../health/words";
import { countText, timeText } from "../../parts/text";
import { useVersion } from "./version";
import { costText, windowText } from "./words";

// What devices ended with, the most frequent first.
export function Errors({ errors }: { errors: { error: number; device_count: number }[] }) {
  const { data: meanings } = useQuery(errorMeaningsQuery);
  return (
    <Panel title="Failure reasons" flush>
      <DataTable
        label="Failure reasons"
        rows={[...errors].sort((a, b) => b.device_count - a.device_count)}
        rowKey={({ error }) => error}
        columns={[
          { head: "Error", cell: ({ error }) => (error === 0 ? "without an error number" : <code>E{error}</code>) },
          { head: "Meaning", phone: "below", cell: ({ error }) => meanings?.get(error) },
          { head: "Devices", right: true, cell: ({ device_count: count }) => count.toLocaleString("en") },
        ]}
      />
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
      <DataTable
        label="What happened"
        rows={[...events].reverse()}
        rowKey={({ id }) => id}
        columns={[
          { head: "When", cell: ({ time_ms: time }) => timeText(time) },
          { head: "What", cell: ({ event }) => event.replaceAll("-", " ") },
          { head: "By", phone: "out", cell: ({ by }) => by },
          { head: "Detail", phone: "below", cell: ({ detail }) => detail },
        ]}
      />
    </Panel>
  );
}

function rateText({ rate_per_minute: rate, rate_growth: growth }: Rollout): string {
  if (!rate) return "no limit";
  return `${rate} a minute${growth ? `, ${growth.factor_percent}% of it every ${+(growth.interval_s / 60).toFixed(1)} min` : ""}`;
}

export function Plan({ rollout }: { rollout: Rollout }) {
  const back = useVersion(rollout.rollback_release);
  const gates = (rollout.gates ?? []).map(({ failure, max_permille: max, min_sample: sample }) => `more than ${max / 10}% ${!failure || failure === "any" ? "failed in any way" : failure} of at least ${countText(sample ?? 1, "device")}`);
  return (
    <Panel title="The plan">
      <Facts
        facts={[
          ["Description", rollout.description],
          ["Stops at", [...gates, ...(rollout.health_gates ?? []).map(healthGateText)].join("; ")],
          ["Enough of a wave", rollout.success_permille ? `${rollout.success_permille / 10}% committed` : undefined],
          ["Then", rollout.on_broken === "roll-back" ? "rolls back" : "pauses"],
          ["Goes back to", rollout.rollback_release && <To key="" to="/releases/$id" params={{ id: String(rollout.rollback_release) }}>{back}</To>],
          ["Silent after", rollout.deadline_s && `${+(rollout.deadline_s / 3600).toFixed(1)} h`],
          ["Rate", rateText(rollout)],
          ["Tried again", rollout.retries ? countText(rollout.retries, "time") : undefined],
          ["Newcomers", rollout.adopt ? "join" : "stay out"],
          ["Consent", rollout.policy?.consent ? "a person at the device has to agree" : undefined],
          ["Download only", rollout.policy?.download_only ? "until it is released" : undefined],
          ["May cost a device", rollout.policy?.download && costText(rollout.policy.download)],
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
