import { Button, Table, Text, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take, type Tenant } from "../../api/client";
import type { Tone } from "../../api/states";
import { tenantsQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
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
          {({ tenants }) =>
            tenants.length === 0 ? (
              <Empty icon="tenants" title="No tenant yet">
                Make one for each customer.
              </Empty>
            ) : (
              <TenantTable tenants={tenants} linked={(name, url) => setLink({ name, url })} />
            )
          }
        </Loaded>
      </Panel>
      {making && <NewTenant close={make.close} made={(name, url) => setLink({ name, url })} />}
    </Page>
  );
}

function TenantTable({ tenants, linked }: { tenants: Tenant[]; linked: (name: string, url: string) => void }) {
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Tenants">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Tenant</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th ta="right">Devices</Table.Th>
            <Table.Th className="wide">Made</Table.Th>
            <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tenants.map((tenant) => (
            <Row key={tenant.name} tenant={tenant} linked={linked} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const states: Record<Tenant["state"], [Tone, string]> = {
  running: ["good", "Running"],
  starting: ["busy", "Starting"],
  suspended: ["warn", "Suspended"],
  failed: ["bad", "Failed"],
};

function Row({ tenant, linked }: { tenant: Tenant; linked: (name: string, url: string) => void }) {
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
  const [tone, label] = states[tenant.state];
  const small = { size: "compact-sm", variant: "subtle", color: "gray" } as const;
  return (
    <Table.Tr>
      <Table.Td>
        {tenant.name}
        <Text size="xs" c="dimmed">
          <a href={tenant.url}>{tenant.url}</a>
        </Text>
      </Table.Td>
      <Table.Td>
        <Dot tone={tone}>{label}</Dot>
        {tenant.problem && <Text size="xs">{tenant.problem}</Text>}
      </Table.Td>
      <Table.Td ta="right" className="numbers">{tenant.devices?.accepted?.toLocaleString("en")}</Table.Td>
      <Table.Td className="wide">
        <Ago ms={tenant.created_ms} />
      </Table.Td>
      <Table.Td ta="right">
        <Button {...small} aria-label={`Quotas of ${tenant.name}`} onClick={edit.open}>
          Quotas…
        </Button>
        <ConfirmButton label="Link…" button={{ ...small, "aria-label": `New link for ${tenant.name}` }} title={`Another link for ${tenant.name}?`} action="Make it" dangerous={false} run={renew}>
          The link that was shown before is no longer good. Once there is an administrator, none is needed.
        </ConfirmButton>
        {tenant.state === "suspended" ? (
          <ConfirmButton label="Resume…" button={{ ...small, "aria-label": `Resume ${tenant.name}` }} title={`Serve ${tenant.name} again?`} action="Resume" dangerous={false} run={() => suspend(false)}>
            Its people and devices reach it as before.
          </ConfirmButton>
        ) : (
          <ConfirmButton label="Suspend…" button={{ ...small, "aria-label": `Suspend ${tenant.name}` }} title={`Suspend ${tenant.name}?`} action="Suspend" run={() => suspend(true)}>
            It is served to nobody, and keeps everything. Its devices go on running what they run, and try again.
          </ConfirmButton>
        )}
        <ConfirmButton label="Delete…" button={{ ...small, "aria-label": `Delete ${tenant.name}` }} title={`Delete ${tenant.name}?`} action="Delete" typed={tenant.name} run={remove}>
          Its devices, releases and users are gone for good.
        </ConfirmButton>
        {editing && <EditQuotas tenant={tenant} close={edit.close} />}
      </Table.Td>
    </Table.Tr>
  );
}
