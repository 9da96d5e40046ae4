import { Checkbox } from "@mantine/core";
import type { Device } from "../../api/client";
import { DataTable } from "../../parts/DataTable";
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
  const all = choose && (
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
  );
  return (
    <DataTable
      label="Devices"
      rows={devices}
      rowKey={({ name }) => name}
      chosen={({ name }) => chosen?.has(name) ?? false}
      columns={[
        choose !== undefined && { head: all, cell: ({ name }) => <Checkbox aria-label={`Choose ${name}`} checked={chosen?.has(name) ?? false} onChange={(event) => choose([name], event.currentTarget.checked)} /> },
        { head: "Device", cell: ({ name }) => <To to="/devices/$name" params={{ name }} fw={550}>{name}</To> },
        { head: "State", cell: (device) => <DeviceState device={device} /> },
        { head: "Version", phone: "below", cell: ({ version }) => version },
        { head: "Product", phone: "out", cell: ({ product }) => product },
        { head: "Hardware", phone: "out", cell: ({ hardware }) => hardware },
        { head: "Seen", cell: ({ last_seen_ms: seen }) => <Ago ms={seen} /> },
      ]}
    />
  );
}
