import { Checkbox, Table } from "@mantine/core";
import type { Device } from "../../api/client";
import { DeviceState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";

interface DeviceTableProps {
  devices: Device[];
  // With these, each row can be chosen.
  chosen?: ReadonlySet<string>;
  choose?: (names: string[], on: boolean) => void;
}

export function DeviceTable({ devices, chosen, choose }: DeviceTableProps) {
  const count = chosen ? devices.filter(({ name }) => chosen.has(name)).length : 0;
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table highlightOnHover aria-label="Devices">
        <Table.Thead>
          <Table.Tr>
            {choose && (
              <Table.Th w={36}>
                <Checkbox
                  aria-label="Choose all that are shown"
                  checked={count > 0 && count === devices.length}
                  indeterminate={count > 0 && count < devices.length}
                  onChange={(event) =>
                    choose(
                      devices.map(({ name }) => name),
                      event.currentTarget.checked,
                    )
                  }
                />
              </Table.Th>
            )}
            <Table.Th>Device</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th className="wide">Product</Table.Th>
            <Table.Th className="wide">Hardware</Table.Th>
            <Table.Th>Seen</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {devices.map((device) => (
            <Table.Tr key={device.name} bg={chosen?.has(device.name) ? "var(--wash-busy)" : undefined}>
              {choose && (
                <Table.Td>
                  <Checkbox aria-label={`Choose ${device.name}`} checked={chosen?.has(device.name) ?? false} onChange={(event) => choose([device.name], event.currentTarget.checked)} />
                </Table.Td>
              )}
              <Table.Td>
                <To to="/devices/$name" params={{ name: device.name }} fw={550}>
                  {device.name}
                </To>
              </Table.Td>
              <Table.Td>
                <DeviceState device={device} />
              </Table.Td>
              <Table.Td className="numbers">{device.version}</Table.Td>
              <Table.Td className="wide">{device.product}</Table.Td>
              <Table.Td className="wide">{device.hardware}</Table.Td>
              <Table.Td>
                <Ago ms={device.last_seen_ms} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
