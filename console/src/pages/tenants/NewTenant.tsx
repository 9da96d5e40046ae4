import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take } from "../../api/client";
import { tenantsQuery } from "../../api/queries";
import { FormDialog } from "../../parts/FormDialog";

export function NewTenant({ close, made }: { close: () => void; made: (name: string, url: string) => void }) {
  const [name, setName] = useState("");
  const [host, setHost] = useState("");
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/tenants", { body: host === "" ? { name } : { name, host } })),
    onSuccess: async (tenant) => {
      made(tenant.name, tenant.setup_url);
      close();
      await client.invalidateQueries({ queryKey: tenantsQuery.queryKey });
    },
  });
  return (
    <FormDialog title="New tenant" close={close} action={create} submit="Make the tenant">
      <TextInput label="Name" description="a-z, 0-9 and -, as it stands in its address" required maxLength={40} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
      <TextInput label="Host name of its own" description="Besides the name under the service's domain; may stay empty" maxLength={253} value={host} onChange={(event) => setHost(event.currentTarget.value)} />
    </FormDialog>
  );
}
