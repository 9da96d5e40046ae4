import { useQueryClient } from "@tanstack/react-query";
import { api, type Deployment, take } from "../../api/client";
import { useMay } from "../../api/may";
import { useAnnounce } from "../../parts/Announcer";
import { ConfirmButton } from "../../parts/Confirm";

// What can be done about an update that is under way.
export function DeploymentOrders({ deployment }: { deployment: Deployment }) {
  const client = useQueryClient();
  const announce = useAnnounce();
  const may = useMay();
  const { id } = deployment;
  const give = async (path: "/api/v1/deployments/{id}/cancel" | "/api/v1/deployments/{id}/release", said: string) => {
    await take(api.POST(path, { params: { path: { id } } }));
    announce(`Deployment ${id} ${said}`);
    await client.invalidateQueries({ queryKey: ["deployments"] });
  };
  return (
    <>
      {deployment.policy?.download_only && may("POST /api/v1/deployments/{id}/release") && (
        <ConfirmButton label="Install…" button={{ variant: "filled" }} title={`Have deployment ${id} installed?`} action="Install" run={() => give("/api/v1/deployments/{id}/release", "released")}>
          It was to be downloaded only. The device installs it as soon as it hears of this, and restarts.
        </ConfirmButton>
      )}
      {may("POST /api/v1/deployments/{id}/cancel") && (
        <ConfirmButton label="Withdraw…" title={`Withdraw deployment ${id}?`} action="Withdraw" run={() => give("/api/v1/deployments/{id}/cancel", "withdrawn")}>
          The device is no longer offered the update and stops if it still can. If it is too late, its own last word stands.
        </ConfirmButton>
      )}
    </>
  );
}
