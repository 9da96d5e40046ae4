import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, take } from "../../api/client";
import { useMay } from "../../api/may";
import { useAnnounce } from "../../parts/Announcer";
import { ConfirmButton } from "../../parts/Confirm";
import { ErrorNote } from "../../parts/ErrorNote";
import type { DeviceToken } from "./DeviceTokenNote";

// What only a device of hawkBit's protocol can be told.
export function DeviceOrders({ name, made }: { name: string; made: (made: DeviceToken) => void }) {
  const may = useMay();
  const client = useQueryClient();
  const announce = useAnnounce();
  const path = { params: { path: { name } } };
  const ask = useMutation({
    mutationFn: () => take(api.POST("/api/v1/ddi/devices/{name}/attributes", path)),
    onSuccess: () => announce(`${name} is asked for its attributes at its next poll`),
  });
  const renew = async () => {
    made(await take(api.POST("/api/v1/ddi/devices/{name}/token", path)));
    await client.invalidateQueries({ queryKey: ["devices"] });
  };
  return (
    <>
      {may("POST /api/v1/ddi/devices/{name}/attributes") && (
        <Button variant="default" loading={ask.isPending} onClick={() => ask.mutate()}>
          Ask for attributes
        </Button>
      )}
      {may("POST /api/v1/ddi/devices/{name}/token") && (
        <ConfirmButton label="New token…" title={`A new token for ${name}?`} action="Make the token" run={renew}>
          The old one ends at once: the device is refused until its client has the new one.
        </ConfirmButton>
      )}
      {ask.isError && <ErrorNote error={ask.error} />}
    </>
  );
}
