import { Button, Table, VisuallyHidden } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { api, type MemberState, take } from "../../api/client";
import { rolloutDevicesQuery } from "../../api/queries";
import { memberStates } from "../../api/rollouts";
import { ConfirmButton } from "../../parts/Confirm";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";

export function Members({ rollout, state, all }: { rollout: number; state?: MemberState; all: () => void }) {
  const query = useInfiniteQuery(rolloutDevicesQuery(rollout, state));
  const client = useQueryClient();
  const devices = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const takeOut = async (name: string) => {
    await take(api.POST("/api/v1/rollouts/{id}/devices/{name}/cancel", { params: { path: { id: rollout, name } } }));
    await client.invalidateQueries({ queryKey: ["rollouts"] });
  };
  return (
    <Panel
      title={state ? `Devices: ${memberStates[state].label.toLowerCase()}` : "Devices"}
      flush
      aside={
        state && (
          <Button size="compact-sm" variant="subtle" onClick={all}>
            Show all
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {() =>
          devices.length === 0 ? (
            <Empty icon="devices" title="No device" />
          ) : (
            <Table.ScrollContainer minWidth={0} type="native">
              <Table highlightOnHover aria-label="Devices of the rollout">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Device</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th className="wide">Why</Table.Th>
                    <Table.Th ta="right">Wave</Table.Th>
                    <Table.Th className="wide" ta="right">
                      Tries
                    </Table.Th>
                    <Table.Th className="wide">Changed</Table.Th>
                    <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {devices.map((device) => (
                    <Table.Tr key={device.device}>
                      <Table.Td>
                        <To to="/devices/$name" params={{ name: device.device }} fw={550}>
                          {device.device}
                        </To>
                      </Table.Td>
                      <Table.Td>
                        <Dot tone={memberStates[device.state].tone}>{memberStates[device.state].label}</Dot>
                      </Table.Td>
                      <Table.Td className="wide">
                        {device.reason}{" "}
                        {device.deployment !== undefined && (
                          <To to="/deployments/$id" params={{ id: String(device.deployment) }}>
                            Deployment {device.deployment}
                          </To>
                        )}
                      </Table.Td>
                      <Table.Td ta="right" className="numbers">
                        {device.wave || ""}
                      </Table.Td>
                      <Table.Td ta="right" className="wide numbers">
                        {device.attempts}
                      </Table.Td>
                      <Table.Td className="wide">
                        <Ago ms={device.changed_ms} />
                      </Table.Td>
                      <Table.Td ta="right">
                        {(device.state === "waiting" || device.state === "offered") && (
                          <ConfirmButton
                            label="Take out…"
                            button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Take out ${device.device}` }}
                            title={`Take ${device.device} out of the rollout?`}
                            action="Take out"
                            run={() => takeOut(device.device)}
                          >
                            Its deployment is withdrawn; it does not count for the gates.
                          </ConfirmButton>
                        )}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Loaded>
      <More query={query} />
    </Panel>
  );
}
