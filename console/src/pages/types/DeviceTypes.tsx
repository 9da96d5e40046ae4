import { Button, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import type { DeviceType } from "../../api/client";
import { deviceTypesQuery } from "../../api/queries";
import { useMay } from "../../api/may";
import { DataTable } from "../../parts/DataTable";
import { hardwareFilter } from "../../parts/filter";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { To } from "../../parts/To";
import { EditType } from "./EditType";

// Products and their hardware revisions: what is described, and what devices have brought.
export function DeviceTypes() {
  const query = useQuery(deviceTypesQuery);
  const mayChange = useMay()("PUT /api/v1/device-types");
  const [making, make] = useDisclosure(false);
  return (
    <Page title="Device types" lead="Products and their hardware revisions, as they are described here and as devices have brought them." actions={mayChange && <Button onClick={make.open}>New device type…</Button>}>
      <Loaded query={query}>
        {({ device_types: types }) =>
          types.length === 0 ? (
            <Panel flush>
              <Empty icon="types" title="No device type yet">
                Each product that a device brings appears here by itself.
              </Empty>
            </Panel>
          ) : (
            <>
              {types.map((type) => (
                <TypePanel key={type.product} type={type} mayChange={mayChange} />
              ))}
            </>
          )
        }
      </Loaded>
      {making && <EditType close={make.close} />}
    </Page>
  );
}

function TypePanel({ type, mayChange }: { type: DeviceType; mayChange: boolean }) {
  const [editing, edit] = useDisclosure(false);
  return (
    <Panel
      title={type.product}
      flush
      aside={
        mayChange && (
          <Button size="compact-sm" variant="default" aria-label={`Describe ${type.product}`} onClick={edit.open}>
            Describe…
          </Button>
        )
      }
    >
      {type.description && (
        <Text size="sm" px="md" pt="sm">
          {type.description}
        </Text>
      )}
      <DataTable
        label={`Hardware of ${type.product}`}
        rows={type.hardware}
        rowKey={({ hardware }) => hardware}
        columns={[
          { head: "Hardware", cell: ({ hardware }) => <To to="/devices" search={{ q: hardwareFilter(type.product, hardware) }}>{hardware}</To> },
          { head: "Devices", right: true, cell: ({ device_count: count }) => count.toLocaleString("en") },
          { head: "Description", phone: "below", cell: ({ described, description }) => (described ? description : <span className="dim">not described: a device has brought it</span>) },
        ]}
      />
      {editing && <EditType type={type} close={edit.close} />}
    </Panel>
  );
}
