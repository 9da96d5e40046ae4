import { Button, Group as Row, Table, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, type Group, take } from "../../api/client";
import { groupsQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { SaveGroup } from "../devices/SaveGroup";

export function Groups() {
  const query = useQuery(groupsQuery);
  const navigate = useNavigate();
  const [making, make] = useDisclosure(false);
  return (
    <Page
      title="Groups"
      lead="Devices under one name: chosen by hand, or whatever matches a filter."
      actions={
        <>
          <Button variant="default" onClick={() => void navigate({ to: "/devices" })}>
            By filter: find devices first
          </Button>
          <Button onClick={make.open}>New group by hand…</Button>
        </>
      }
    >
      <Panel flush>
        <Loaded query={query}>
          {({ groups }) =>
            groups.length === 0 ? (
              <Empty icon="groups" title="No group yet">
                In the list of devices, any filter can be saved as a group; it then follows the devices as they change.
              </Empty>
            ) : (
              <GroupTable groups={groups} />
            )
          }
        </Loaded>
      </Panel>
      <SaveGroup opened={making} close={make.close} />
    </Page>
  );
}

function GroupTable({ groups }: { groups: Group[] }) {
  const client = useQueryClient();
  const remove = async (name: string) => {
    await take(api.DELETE("/api/v1/groups/{name}", { params: { path: { name } } }));
    await client.invalidateQueries({ queryKey: groupsQuery.queryKey });
  };
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table highlightOnHover aria-label="Groups">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Group</Table.Th>
            <Table.Th ta="right">Devices</Table.Th>
            <Table.Th>Which</Table.Th>
            <Table.Th className="wide">Description</Table.Th>
            <Table.Th className="wide">Made</Table.Th>
            <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {groups.map(({ name, description, filter, device_count: count, created_ms: made, created_by: by }) => (
            <Table.Tr key={name}>
              <Table.Td>
                <To to="/devices" search={{ q: `group==${name}` }} fw={550}>
                  {name}
                </To>
              </Table.Td>
              <Table.Td ta="right" className="numbers">
                {count.toLocaleString("en")}
              </Table.Td>
              <Table.Td>{filter === undefined ? <span className="dim">by hand</span> : <code>{filter}</code>}</Table.Td>
              <Table.Td className="wide">{description}</Table.Td>
              <Table.Td className="wide">
                <Ago ms={made} /> by {by}
              </Table.Td>
              <Table.Td>
                <Row gap="xs" justify="flex-end" wrap="nowrap">
                  <ConfirmButton
                    label="Delete…"
                    button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Delete group ${name}` }}
                    title={`Delete group ${name}?`}
                    action="Delete"
                    run={() => remove(name)}
                  >
                    Its devices stay. Rollouts that were made for it go on with the devices that they have.
                  </ConfirmButton>
                </Row>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
