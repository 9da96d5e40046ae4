import { Button, Group, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type DeviceType, take } from "../../api/client";
import { deviceTypesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { FormDialog } from "../../parts/FormDialog";

interface Line {
  hardware: string;
  description: string;
}

// Describes a type; those that only devices have brought get a line, too. Lines without a name are left out.
export function EditType({ type, close }: { type?: DeviceType; close: () => void }) {
  const [product, setProduct] = useState(type?.product ?? "");
  const [description, setDescription] = useState(type?.description ?? "");
  const [lines, setLines] = useState<Line[]>(() => [...(type?.hardware.map(({ hardware, description: text }) => ({ hardware, description: text })) ?? []), { hardware: "", description: "" }]);
  const client = useQueryClient();
  const announce = useAnnounce();
  const save = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/device-types", { body: { product, description, hardware: lines.filter(({ hardware }) => hardware.trim() !== "") } })),
    onSuccess: async () => {
      announce(`${product} described`);
      close();
      await client.invalidateQueries({ queryKey: deviceTypesQuery.queryKey });
    },
  });
  const change = (at: number, line: Partial<Line>) => setLines((old) => old.map((one, index) => (index === at ? { ...one, ...line } : one)));
  return (
    <FormDialog title={type ? `Describe ${type.product}` : "New device type"} size="lg" close={close} action={save} submit="Save">
      {!type && <TextInput label="Product" description="As releases and devices name it" required maxLength={128} value={product} onChange={(event) => setProduct(event.currentTarget.value)} data-autofocus />}
      <TextInput label="Description" maxLength={1024} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
      {lines.map((line, at) => (
        <Group key={at} grow align="flex-end">
          <TextInput label={`Hardware ${at + 1}`} maxLength={128} value={line.hardware} onChange={(event) => change(at, { hardware: event.currentTarget.value })} />
          <TextInput label={`Description of hardware ${at + 1}`} maxLength={1024} value={line.description} onChange={(event) => change(at, { description: event.currentTarget.value })} />
        </Group>
      ))}
      <div>
        <Button variant="default" size="compact-sm" onClick={() => setLines((old) => [...old, { hardware: "", description: "" }])}>
          One more hardware
        </Button>
      </div>
    </FormDialog>
  );
}
