import { Table } from "@mantine/core";
import type { Deployment } from "../../api/client";
import { DeploymentState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";

// One line for each deployment; `without` leaves out what the page around it says already.
export function DeploymentTable({ deployments, without }: { deployments: Deployment[]; without?: "device" | "release" }) {
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table highlightOnHover aria-label="Deployments">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>No.</Table.Th>
            {without !== "device" && <Table.Th>Device</Table.Th>}
            {without !== "release" && <Table.Th>Version</Table.Th>}
            <Table.Th>State</Table.Th>
            <Table.Th className="wide">What the device said</Table.Th>
            <Table.Th className="wide">Made by</Table.Th>
            <Table.Th>Changed</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {deployments.map((deployment) => (
            <Table.Tr key={deployment.id}>
              <Table.Td>
                <To to="/deployments/$id" params={{ id: String(deployment.id) }} fw={550} className="numbers">
                  {deployment.id}
                </To>
              </Table.Td>
              {without !== "device" && (
                <Table.Td>
                  <To to="/devices/$name" params={{ name: deployment.device }}>
                    {deployment.device}
                  </To>
                </Table.Td>
              )}
              {without !== "release" && <Table.Td className="numbers">{deployment.version}</Table.Td>}
              <Table.Td>
                <DeploymentState deployment={deployment} />
              </Table.Td>
              <Table.Td className="wide">
                {deployment.error !== undefined && <code>E{deployment.error} </code>}
                {deployment.message}
              </Table.Td>
              <Table.Td className="wide">{deployment.created_by}</Table.Td>
              <Table.Td>
                <Ago ms={deployment.changed_ms} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
