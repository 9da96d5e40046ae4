import { Autocomplete, Button, Group, Modal, SegmentedControl, Select, Stack } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, take } from "../../api/client";
import { groupsQuery, tagsQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { countText } from "../../parts/text";

// Puts the devices into a group or gives them a tag, or takes them out: all of them, or none.
export function Membership({ kind, devices, close }: { kind: "group" | "tag" | undefined; devices: string[]; close: () => void }) {
  return (
    <Modal
      opened={kind !== undefined}
      onClose={close}
      title={`${kind === "tag" ? "Tag" : "Group"} ${countText(devices.length, "device")}`}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {kind && <Form kind={kind} devices={devices} close={close} />}
    </Modal>
  );
}

function Form({ kind, devices, close }: { kind: "group" | "tag"; devices: string[]; close: () => void }) {
  const [name, setName] = useState("");
  const [way, setWay] = useState<"add" | "remove">("add");
  const groups = useQuery({ ...groupsQuery, enabled: kind === "group" });
  const tags = useQuery({ ...tagsQuery, enabled: kind === "tag" });
  const client = useQueryClient();
  const announce = useAnnounce();
  const change = useMutation({
    mutationFn: async (): Promise<unknown> => {
      const init = { params: { path: { name } }, body: { [way]: devices } };
      return kind === "tag" ? take(api.POST("/api/v1/tags/{name}/devices", init)) : take(api.POST("/api/v1/groups/{name}/devices", init));
    },
    onSuccess: async () => {
      announce(`${countText(devices.length, "device")}: ${kind} ${name} ${way === "add" ? "given" : "taken"}`);
      close();
      await client.invalidateQueries();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  const byHand = groups.data?.groups.filter(({ filter }) => filter === undefined).map((group) => group.name) ?? [];
  return (
    <form onSubmit={submit}>
      <Stack>
        <SegmentedControl
          aria-label="What to do"
          value={way}
          onChange={(value) => setWay(value as typeof way)}
          data={[
            { value: "add", label: kind === "tag" ? "Give the tag" : "Put in" },
            { value: "remove", label: kind === "tag" ? "Take the tag" : "Take out" },
          ]}
        />
        {kind === "tag" ? (
          <Autocomplete label="Tag" required maxLength={64} value={name} onChange={setName} data={tags.data?.tags.map(({ tag }) => tag) ?? []} data-autofocus />
        ) : (
          <Select
            label="Group"
            description="Groups by hand; those by filter choose for themselves"
            required
            searchable
            value={name || null}
            onChange={(value) => setName(value ?? "")}
            data={byHand}
            nothingFoundMessage="There is no such group by hand"
            data-autofocus
          />
        )}
        {change.isError && <ErrorNote error={change.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" disabled={name === ""} loading={change.isPending}>
            {way === "add" ? "Add" : "Remove"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
