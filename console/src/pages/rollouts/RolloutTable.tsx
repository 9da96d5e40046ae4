import { Table } from "@mantine/core";
import type { Rollout } from "../../api/client";
import { membersOf, rolloutStates } from "../../api/rollouts";
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
    <Table.ScrollContainer minWidth={0} type="native">
      <Table highlightOnHover aria-label="Rollouts">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Rollout</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th className="wide">Devices</Table.Th>
            <Table.Th className="wide" ta="right">
              All
            </Table.Th>
            <Table.Th className="wide">Made by</Table.Th>
            <Table.Th className="wide">Changed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rollouts.map((rollout) => (
            <Table.Tr key={rollout.id}>
              <Table.Td>
                <To to="/rollouts/$id" params={{ id: String(rollout.id) }} fw={550}>
                  {rollout.name}
                </To>
              </Table.Td>
              <Table.Td className="numbers">{rollout.version}</Table.Td>
              <Table.Td>
                <RolloutState rollout={rollout} />
              </Table.Td>
              <Table.Td className="wide">
                <MemberBar counts={rollout.counts} />
              </Table.Td>
              <Table.Td className="wide numbers" ta="right">
                {membersOf(rollout.counts).toLocaleString("en")}
              </Table.Td>
              <Table.Td className="wide">{rollout.created_by}</Table.Td>
              <Table.Td className="wide">
                <Ago ms={rollout.changed_ms} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
