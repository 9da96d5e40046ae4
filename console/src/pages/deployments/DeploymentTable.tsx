import type { Deployment } from "../../api/client";
import { DataTable } from "../../parts/DataTable";
import { DeploymentState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";

// One line for each deployment; `without` leaves out what the page around it says already.
export function DeploymentTable({ deployments, without }: { deployments: Deployment[]; without?: "device" | "release" }) {
  return (
    <DataTable
      label="Deployments"
      rows={deployments}
      rowKey={({ id }) => id}
      columns={[
        { head: "No.", cell: ({ id }) => <To to="/deployments/$id" params={{ id: String(id) }} fw={550}>{id}</To> },
        without !== "device" && { head: "Device", phone: "below", cell: ({ device }) => <To to="/devices/$name" params={{ name: device }}>{device}</To> },
        without !== "release" && { head: "Version", phone: "below", cell: ({ version }) => version },
        { head: "State", cell: (deployment) => <DeploymentState deployment={deployment} /> },
        { head: "What the device said", phone: "out", cell: ({ error, message }) => <>{error !== undefined && <code>E{error} </code>}{message}</> },
        { head: "Made by", phone: "out", cell: ({ created_by: by }) => <span className="nowrap">{by}</span> },
        { head: "Changed", cell: ({ changed_ms: changed }) => <Ago ms={changed} /> },
      ]}
    />
  );
}
