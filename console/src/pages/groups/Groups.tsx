import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, take } from "../../api/client";
import { useMay } from "../../api/may";
import { groupsQuery } from "../../api/queries";
import { RowConfirm } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { SaveGroup } from "../devices/SaveGroup";

export function Groups() {
  const query = useQuery(groupsQuery);
  const navigate = useNavigate();
  const [making, make] = useDisclosure(false);
  const may = useMay();
  const client = useQueryClient();
  const remove = async (name: string) => {
    await take(api.DELETE("/api/v1/groups/{name}", { params: { path: { name } } }));
    await client.invalidateQueries({ queryKey: groupsQuery.queryKey });
  };
  return (
    <Page
      title="Groups"
      lead="Devices under one name: chosen by hand, or whatever matches a filter."
      actions={
        may("POST /api/v1/groups") && (
          <>
            <Button variant="default" onClick={() => void navigate({ to: "/devices" })}>
              By filter: find devices first
            </Button>
            <Button onClick={make.open}>New group by hand…</Button>
          </>
        )
      }
    >
      <Panel flush>
        <Loaded query={query}>
          {({ groups }) => (
            <DataTable
              label="Groups"
              rows={groups}
              rowKey={({ name }) => name}
              empty={
                <Empty icon="groups" title="No group yet">
                  In the list of devices, any filter can be saved as a group; it then follows the devices as they change.
                </Empty>
              }
              columns={[
                { head: "Group", cell: ({ name }) => <To to="/devices" search={{ q: `group==${name}` }} fw={550}>{name}</To> },
                { head: "Devices", right: true, cell: ({ device_count: count }) => count.toLocaleString("en") },
                { head: "Which", phone: "below", cell: ({ filter }) => (filter === undefined ? <span className="dim">by hand</span> : <code>{filter}</code>) },
                { head: "Description", phone: "out", cell: ({ description }) => description },
                { head: "Made", phone: "out", cell: ({ created_ms: at, created_by: by }) => <><Ago ms={at} /> by {by}</> },
                may("DELETE /api/v1/groups/{name}") && {
                  phone: "below",
                  cell: ({ name }) => (
                    <RowConfirm act="Delete" what={`group ${name}`} run={() => remove(name)}>
                      Its devices stay. Rollouts that were made for it go on with the devices that they have.
                    </RowConfirm>
                  ),
                },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      <SaveGroup opened={making} close={make.close} />
    </Page>
  );
}
