import type { Rollout } from "../../api/client";
import { membersOf, rolloutStates } from "../../api/rollouts";
import { DataTable } from "../../parts/DataTable";
import { Dot } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { MemberBar } from "./MemberBar";

export function RolloutState({ rollout }: { rollout: Pick<Rollout, "state"> }) {
  const { tone, label } = rolloutStates[rollout.state];
  return <Dot tone={tone}>{label}</Dot>;
}

export function RolloutTable({ rollouts }: { rollouts: Rollout[] }) {
  return (
    <DataTable
      label="Rollouts"
      rows={rollouts}
      rowKey={({ id }) => id}
      columns={[
        { head: "Rollout", cell: ({ id, name }) => <To to="/rollouts/$id" params={{ id: String(id) }} fw={550}>{name}</To> },
        { head: "Version", phone: "below", cell: ({ version }) => version },
        { head: "State", cell: (rollout) => <RolloutState rollout={rollout} /> },
        { head: "Devices", phone: "out", cell: ({ counts }) => <MemberBar counts={counts} /> },
        { head: "All", right: true, phone: "out", cell: ({ counts }) => membersOf(counts).toLocaleString("en") },
        { head: "Made by", phone: "out", cell: ({ created_by: by }) => by },
        { head: "Changed", phone: "out", cell: ({ changed_ms: changed }) => <Ago ms={changed} /> },
      ]}
    />
  );
}
