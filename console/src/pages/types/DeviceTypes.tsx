import { Button, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import type { DeviceType } from "../../api/client";
import { deviceTypesQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { To } from "../../parts/To";
import { EditType } from "./EditType";

// Products and their hardware revisions: what is described, and what devices have brought.
export function DeviceTypes() {
  const query = useQuery(deviceTypesQuery);
  const mayChange = useMay("operator");
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
      <Table.ScrollContainer minWidth={0} type="native">
        <Table aria-label={`Hardware of ${type.product}`}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Hardware</Table.Th>
              <Table.Th ta="right">Devices</Table.Th>
              <Table.Th>Description</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {type.hardware.map(({ hardware, description, described, device_count: count }) => (
              <Table.Tr key={hardware}>
                <Table.Td>
                  <To to="/devices" search={{ q: `product=="${type.product}";hardware=="${hardware}"` }}>
                    {hardware}
                  </To>
                </Table.Td>
                <Table.Td ta="right" className="numbers">{count.toLocaleString("en")}</Table.Td>
                <Table.Td>{described ? description : <span className="dim">not described: a device has brought it</span>}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {editing && <EditType type={type} close={edit.close} />}
    </Panel>
  );
}
