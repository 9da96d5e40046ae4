import { Button, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take, type Tenant } from "../../api/client";
import type { Tone } from "../../api/states";
import { tenantsQuery } from "../../api/queries";
import { RowConfirm, rowButton } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Dot } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { EditQuotas } from "./EditQuotas";
import { NewTenant } from "./NewTenant";

// For the administrators of a service's own site.
export function Tenants() {
  const query = useQuery(tenantsQuery);
  const [making, make] = useDisclosure(false);
  const [link, setLink] = useState<{ name: string; url: string }>();
  return (
    <Page title="Tenants" lead="Customers of this service: each has a site of its own, and sees nothing of the others." actions={<Button onClick={make.open}>New tenant…</Button>}>
      {link && (
        <SecretNote title={`The link for the first administrator of ${link.name}`} secret={link.url}>
          It works once. Give it to who is to run the tenant.
        </SecretNote>
      )}
      <Panel flush>
        <Loaded query={query}>
          {({ tenants }) => (
            <DataTable
              label="Tenants"
              rows={tenants}
              rowKey={({ name }) => name}
              empty={
                <Empty icon="tenants" title="No tenant yet">
                  Make one for each customer.
                </Empty>
              }
              columns={[
                { head: "Tenant", cell: ({ name, url }) => <>{name}<Text size="xs" c="dimmed"><a href={url}>{url}</a></Text></> },
                { head: "State", cell: ({ state, problem }) => <><Dot tone={states[state][0]}>{states[state][1]}</Dot>{problem && <Text size="xs">{problem}</Text>}</> },
                { head: "Devices", right: true, cell: ({ devices }) => devices?.accepted?.toLocaleString("en") },
                { head: "Made", phone: "out", cell: ({ created_ms: at }) => <Ago ms={at} /> },
                { phone: "below", cell: (tenant) => <Acts tenant={tenant} linked={(name, url) => setLink({ name, url })} /> },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      {making && <NewTenant close={make.close} made={(name, url) => setLink({ name, url })} />}
    </Page>
  );
}

const states: Record<Tenant["state"], [Tone, string]> = {
  running: ["good", "Running"],
  starting: ["busy", "Starting"],
  suspended: ["warn", "Suspended"],
  failed: ["bad", "Failed"],
};

function Acts({ tenant, linked }: { tenant: Tenant; linked: (name: string, url: string) => void }) {
  const client = useQueryClient();
  const [editing, edit] = useDisclosure(false);
  const path = { params: { path: { name: tenant.name } } };
  const refresh = () => client.invalidateQueries({ queryKey: tenantsQuery.queryKey });
  const suspend = async (suspended: boolean) => {
    await take(api.PUT("/api/v1/tenants/{name}", { ...path, body: { suspended } }));
    await refresh();
  };
  const remove = async () => {
    await take(api.DELETE("/api/v1/tenants/{name}", path));
    await refresh();
  };
  const renew = async () => linked(tenant.name, (await take(api.POST("/api/v1/tenants/{name}/setup-link", path))).setup_url);
  return (
    <>
      <Button {...rowButton} aria-label={`Quotas of ${tenant.name}`} onClick={edit.open}>
        Quotas…
      </Button>
      <RowConfirm act="New link" what={`for ${tenant.name}`} dangerous={false} run={renew}>
        The link that was shown before is no longer good. Once there is an administrator, none is needed.
      </RowConfirm>
      {tenant.state === "suspended" ? (
        <RowConfirm act="Resume" what={tenant.name} dangerous={false} run={() => suspend(false)}>
          Its people and devices reach it as before.
        </RowConfirm>
      ) : (
        <RowConfirm act="Suspend" what={tenant.name} run={() => suspend(true)}>
          It is served to nobody, and keeps everything. Its devices go on running what they run, and try again.
        </RowConfirm>
      )}
      <RowConfirm act="Delete" what={tenant.name} typed={tenant.name} run={remove}>
        Its devices, releases and users are gone for good.
      </RowConfirm>
      {editing && <EditQuotas tenant={tenant} close={edit.close} />}
    </>
  );
}
