import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take } from "../../api/client";
import { FormDialog } from "../../parts/FormDialog";
import type { DeviceToken } from "./DeviceTokenNote";
import { GivenToken } from "./GivenToken";

export function Register({ close, made }: { close: () => void; made: (made: DeviceToken) => void }) {
  const [name, setName] = useState("");
  const [product, setProduct] = useState("");
  const [hardware, setHardware] = useState("");
  const [token, setToken] = useState("");
  const client = useQueryClient();
  const register = useMutation({
    mutationFn: () => take(api.POST("/api/v1/ddi/devices", { body: { name, product, hardware, token: token || undefined } })),
    onSuccess: async (device) => {
      made(device);
      close();
      await client.invalidateQueries({ queryKey: ["devices"] });
    },
  });
  return (
    <FormDialog title="Register a device" close={close} action={register} submit="Register">
      <TextInput label="Name" description="The controller id of its client. A device that is registered already gets another token; the old one ends at once" required maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
      <TextInput label="Product" description="As releases name it" required maxLength={64} value={product} onChange={(event) => setProduct(event.currentTarget.value)} />
      <TextInput label="Hardware" description="Its revision, as releases name it" required maxLength={64} value={hardware} onChange={(event) => setHardware(event.currentTarget.value)} />
      <GivenToken value={token} change={setToken} />
    </FormDialog>
  );
}
