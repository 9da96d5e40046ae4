import { Button, Group, Table, VisuallyHidden } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Device, take } from "../../api/client";
import { devicesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { Confirm } from "../../parts/Confirm";
import { CopyIcon } from "../../parts/Copy";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { shortDigest } from "../../parts/text";
import { To } from "../../parts/To";

type Asked = { act: "accept" | "reject"; device: Device };

// Devices that have asked and wait for a person.
export function Waiting() {
  const query = useInfiniteQuery(devicesQuery({ status: "pending" }));
  const [asked, setAsked] = useState<Asked>();
  const client = useQueryClient();
  const announce = useAnnounce();
  const devices = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const run = async () => {
    const { act, device } = asked!;
    const path = { params: { path: { name: device.name } } };
    await take(act === "accept" ? api.POST("/api/v1/devices/{name}/accept", path) : api.POST("/api/v1/devices/{name}/reject", path));
    announce(`${device.name} ${act}ed`);
    await client.invalidateQueries({ queryKey: ["devices"] });
  };
  return (
    <Panel title="Waiting to be let in" flush>
      <Loaded query={query} rows={2}>
        {() =>
          devices.length === 0 ? (
            <Empty icon="check" title="Nobody waits">
              A device without a token appears here when it asks for the first time.
            </Empty>
          ) : (
            <Table.ScrollContainer minWidth={0} type="native">
              <Table highlightOnHover aria-label="Waiting devices">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Device</Table.Th>
                    <Table.Th>Key&apos;s SHA-256</Table.Th>
                    <Table.Th className="wide">Product</Table.Th>
                    <Table.Th className="wide">Hardware</Table.Th>
                    <Table.Th className="wide">Asked</Table.Th>
                    <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {devices.map((device) => (
                    <Table.Tr key={device.name}>
                      <Table.Td>
                        <To to="/devices/$name" params={{ name: device.name }} fw={550}>
                          {device.name}
                        </To>
                      </Table.Td>
                      <Table.Td className="nowrap">
                        <code title={device.key_sha256}>{shortDigest(device.key_sha256)}…</code> <CopyIcon text={device.key_sha256} what={`the digest of ${device.name}`} />
                      </Table.Td>
                      <Table.Td className="wide">{device.product}</Table.Td>
                      <Table.Td className="wide">{device.hardware}</Table.Td>
                      <Table.Td className="wide">
                        <Ago ms={device.created_ms} />
                      </Table.Td>
                      <Table.Td>
                        <Group gap="xs" justify="flex-end">
                          <Button size="compact-sm" onClick={() => setAsked({ act: "accept", device })} aria-label={`Accept ${device.name}`}>
                            Accept
                          </Button>
                          <Button size="compact-sm" variant="default" onClick={() => setAsked({ act: "reject", device })} aria-label={`Reject ${device.name}`}>
                            Reject
                          </Button>
                        </Group>
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
      <Confirm
        opened={asked !== undefined}
        close={() => setAsked(undefined)}
        title={asked ? `${asked.act === "accept" ? "Accept" : "Reject"} ${asked.device.name}?` : ""}
        action={asked?.act === "reject" ? "Reject" : "Accept"}
        dangerous={asked?.act === "reject"}
        run={run}
      >
        {asked?.act === "reject" ? (
          "It is kept out until somebody accepts it."
        ) : (
          <>
            Whoever holds this key will be {asked?.device.name}. Compare its digest with what the device shows:
            <p>
              <code>{asked?.device.key_sha256}</code>
            </p>
          </>
        )}
      </Confirm>
    </Panel>
  );
}
