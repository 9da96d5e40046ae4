import { Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take } from "../../api/client";
import { groupsQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { FormDialog } from "../../parts/FormDialog";

interface SaveGroupProps {
  opened: boolean;
  close: () => void;
  // Without one, devices are put into the group by hand.
  filter?: string;
  made?: (name: string) => void;
}

// Makes a group; with a filter its devices are those that match, from now on.
export function SaveGroup({ opened, close, filter, made }: SaveGroupProps) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const client = useQueryClient();
  const announce = useAnnounce();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/groups", { body: filter ? { name, description, filter } : { name, description } })),
    onSuccess: async (group) => {
      announce(`Group ${group.name} made`);
      setName("");
      setDescription("");
      close();
      made?.(group.name);
      await client.invalidateQueries({ queryKey: groupsQuery.queryKey });
    },
  });
  return (
    <FormDialog opened={opened} title={filter ? "Save the filter as a group" : "New group"} close={close} action={create} submit="Make the group">
      {filter ? (
        <Text size="sm">
          Every device that matches <code>{filter}</code> belongs to it, also those that come to match later.
        </Text>
      ) : (
        <Text size="sm">Its devices are chosen by hand in the list of devices.</Text>
      )}
      <TextInput label="Name" required maxLength={64} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
      <TextInput label="Description" maxLength={1024} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
    </FormDialog>
  );
}
