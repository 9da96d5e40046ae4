import { Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type QuotaName, take, type Tenant } from "../../api/client";
import { tenantsQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { FormDialog } from "../../parts/FormDialog";
import { amountText, changedLimits, limitText, parseLimit, quotaNames } from "../../parts/quotas";

export function EditQuotas({ tenant, close }: { tenant: Tenant; close: () => void }) {
  const [before] = useState(tenant.limits ?? {}); // what others change meanwhile is no change of this form's
  const [form, setForm] = useState<Partial<Record<QuotaName, string>>>(() => Object.fromEntries(quotaNames.map(({ name }) => [name, limitText(before[name])])));
  const client = useQueryClient();
  const announce = useAnnounce();
  const change = changedLimits(before, form);
  const save = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/tenants/{name}", { params: { path: { name: tenant.name } }, body: { limits: change } })),
    onSuccess: async () => {
      announce(`Quotas of ${tenant.name} set`);
      close();
      await client.invalidateQueries({ queryKey: tenantsQuery.queryKey });
    },
  });
  const used = (name: QuotaName) => tenant.quotas?.find(({ quota }) => quota === name)?.used;
  return (
    <FormDialog title={`Quotas of ${tenant.name}`} close={close} action={save} submit="Set the quotas" disabled={change === undefined || Object.keys(change).length === 0}>
      <Text size="sm">
        What it may have at most; nothing where it may have any. Numbers may end in K, M, G or T. What is there stays, also above the limit.
      </Text>
      {quotaNames.map(({ name, label }) => {
        const now = used(name);
        const text = form[name] ?? "";
        return (
          <TextInput
            key={name}
            label={label}
            description={now === undefined ? undefined : `${amountText(name, now)} in use`}
            value={text}
            error={parseLimit(text) === undefined ? "A number, as 500 or 20G" : undefined}
            onChange={(event) => {
              const value = event.currentTarget.value;
              setForm((old) => ({ ...old, [name]: value }));
            }}
          />
        );
      })}
    </FormDialog>
  );
}
