import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Quota } from "../../api/client";
import { quotasQuery } from "../../api/queries";
import { type Column, DataTable } from "../../parts/DataTable";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { amountText, filledPermille, quotaLabel } from "../../parts/quotas";
import { Bar } from "../../parts/State";

const columns: Column<Quota>[] = [
  { head: "Of what", cell: ({ quota }) => quotaLabel(quota) },
  { head: "Used", right: true, cell: ({ quota, used }) => used !== undefined && amountText(quota, used) },
  { head: "Allowed", right: true, cell: ({ quota, limit }) => limit !== undefined && amountText(quota, limit) },
  { head: "How full", phone: "out", cell: (quota) => <Fullness quota={quota} /> },
  { head: "Refused", right: true, phone: "out", cell: ({ refused }) => refused > 0 && refused.toLocaleString("en") },
];

function Fullness({ quota }: { quota: Quota }) {
  const filled = filledPermille(quota);
  return filled !== undefined && <Bar permille={filled} tone={filled >= 1000 ? "bad" : filled >= 900 ? "warn" : "busy"} label={`${quotaLabel(quota.quota)} in use`} />;
}

// Where nobody has set any, there is nothing to say.
export function Quotas() {
  const query = useQuery(quotasQuery);
  if (query.data && query.data.quotas.every(({ limit }) => limit === undefined)) return null;
  return (
    <Panel title="Quotas" flush>
      <Loaded query={query} rows={2}>
        {({ quotas }) => <DataTable label="Quotas" rows={quotas.filter(({ limit }) => limit !== undefined)} rowKey={({ quota }) => quota} columns={columns} />}
      </Loaded>
      <Text size="sm" c="dimmed" p="md">
        Set by who runs this server. Nothing that is there is taken away; what would make it more is refused.
      </Text>
    </Panel>
  );
}
