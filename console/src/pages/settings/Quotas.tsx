import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { quotasQuery } from "../../api/queries";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { QuotaTable } from "../../parts/QuotaTable";

// Where nobody has set any, there is nothing to say.
export function Quotas() {
  const query = useQuery(quotasQuery);
  if (query.data && query.data.quotas.every(({ limit }) => limit === undefined)) return null;
  return (
    <Panel title="Quotas" flush>
      <Loaded query={query} rows={2}>
        {({ quotas }) => <QuotaTable quotas={quotas.filter(({ limit }) => limit !== undefined)} />}
      </Loaded>
      <Text size="sm" c="dimmed" p="md">
        Set by who runs this server. Nothing that is there is taken away; what would make it more is refused.
      </Text>
    </Panel>
  );
}
