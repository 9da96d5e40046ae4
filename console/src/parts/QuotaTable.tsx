import { Table } from "@mantine/core";
import type { Quota } from "../api/client";
import { amountText, filledPermille, quotaLabel } from "./quotas";
import { Bar } from "./State";

// What is used and allowed.
export function QuotaTable({ quotas }: { quotas: Quota[] }) {
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Quotas">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Of what</Table.Th>
            <Table.Th ta="right">Used</Table.Th>
            <Table.Th ta="right">Allowed</Table.Th>
            <Table.Th className="wide">How full</Table.Th>
            <Table.Th ta="right" className="wide">Refused</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {quotas.map((quota) => (
            <Row key={quota.quota} quota={quota} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ quota }: { quota: Quota }) {
  const { quota: name, used, limit, refused } = quota;
  const filled = filledPermille(quota);
  return (
    <Table.Tr>
      <Table.Td>{quotaLabel(name)}</Table.Td>
      <Table.Td ta="right" className="numbers">{used === undefined ? "" : amountText(name, used)}</Table.Td>
      <Table.Td ta="right" className="numbers">{limit === undefined ? "any" : amountText(name, limit)}</Table.Td>
      <Table.Td className="wide">
        {filled !== undefined && <Bar permille={filled} tone={filled >= 1000 ? "bad" : filled >= 900 ? "warn" : "busy"} label={`${quotaLabel(name)} in use`} />}
      </Table.Td>
      <Table.Td ta="right" className="wide numbers">{refused === 0 ? "" : refused.toLocaleString("en")}</Table.Td>
    </Table.Tr>
  );
}
