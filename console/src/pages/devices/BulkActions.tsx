import { Alert, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Device, take } from "../../api/client";
import { useMay } from "../../api/may";
import { useAnnounce } from "../../parts/Announcer";
import { Confirm } from "../../parts/Confirm";
import { countText } from "../../parts/text";
import { type Outcome, each } from "./bulk";
import classes from "./Devices.module.css";
import { Membership } from "./Membership";
import { UpdateDialog } from "./UpdateDialog";

const acts = {
  accept: {
    label: "Accept",
    operation: "POST /api/v1/devices/{name}/accept",
    wants: (device: Device) => device.status !== "accepted",
    call: (name: string) => take(api.POST("/api/v1/devices/{name}/accept", { params: { path: { name } } })),
    said: "accepted",
  },
  reject: {
    label: "Reject",
    operation: "POST /api/v1/devices/{name}/reject",
    wants: (device: Device) => device.status !== "rejected",
    call: (name: string) => take(api.POST("/api/v1/devices/{name}/reject", { params: { path: { name } } })),
    said: "rejected",
  },
  remove: {
    label: "Delete",
    operation: "DELETE /api/v1/devices/{name}",
    wants: () => true,
    call: (name: string) => take(api.DELETE("/api/v1/devices/{name}", { params: { path: { name } } })),
    said: "deleted",
  },
} as const;
type Act = keyof typeof acts;

const questions: Record<Act, string> = {
  accept: "They get in with the keys that they have shown. Compare the keys' digests first if you can.",
  reject: "Their access ends at once; an update that runs is not stopped.",
  remove: "The devices, their deployments and logs are forgotten. A device that still exists comes back as a stranger.",
};

export function BulkActions({ devices, clear, refused }: { devices: Device[]; clear: () => void; refused: (outcome: Outcome) => void }) {
  const [asked, setAsked] = useState<Act>();
  const [joining, setJoining] = useState<"group" | "tag">();
  const [updating, update] = useDisclosure(false);
  const client = useQueryClient();
  const announce = useAnnounce();
  const may = useMay();
  const targets = asked ? devices.filter(acts[asked].wants).map(({ name }) => name) : [];

  const run = async () => {
    const { call, said } = acts[asked!];
    const result = await each(targets, call);
    await client.invalidateQueries({ queryKey: ["devices"] });
    if (result.done.length > 0) announce(`${countText(result.done.length, "device")} ${said}`);
    if (result.failed.length > 0) refused(result);
    else clear();
  };

  return (
    <div className={classes.bulk} role="region" aria-label="Chosen devices">
      <Text size="sm" fw={600}>
        {countText(devices.length, "device")} chosen
      </Text>
      <Group gap="xs">
        {may("POST /api/v1/deployments") && (
          <Button size="compact-sm" onClick={update.open} disabled={!devices.some(({ status }) => status === "accepted")}>
            Update…
          </Button>
        )}
        {may("POST /api/v1/groups/{name}/devices") && (
          <Button size="compact-sm" variant="default" onClick={() => setJoining("group")}>
            Group…
          </Button>
        )}
        {may("POST /api/v1/tags/{name}/devices") && (
          <Button size="compact-sm" variant="default" onClick={() => setJoining("tag")}>
            Tag…
          </Button>
        )}
        {(Object.keys(acts) as Act[]).filter((act) => may(acts[act].operation)).map((act) => (
          <Button key={act} size="compact-sm" variant="default" onClick={() => setAsked(act)} disabled={!devices.some(acts[act].wants)}>
            {acts[act].label}…
          </Button>
        ))}
        <Button size="compact-sm" variant="subtle" onClick={clear}>
          Choose none
        </Button>
      </Group>
      <Confirm
        opened={asked !== undefined}
        close={() => setAsked(undefined)}
        title={asked ? `${acts[asked].label} ${countText(targets.length, "device")}?` : ""}
        action={asked ? acts[asked].label : ""}
        dangerous={asked !== "accept"}
        typed={asked === "remove" && targets.length > 1 ? String(targets.length) : undefined}
        run={run}
      >
        {asked && questions[asked]}
      </Confirm>
      <Membership kind={joining} devices={devices.map(({ name }) => name)} close={() => setJoining(undefined)} />
      <UpdateDialog opened={updating} close={update.close} devices={devices.filter(({ status }) => status === "accepted")} done={clear} />
    </div>
  );
}

// Stays when the chosen devices are no longer in the list.
export function Failures({ outcome, close }: { outcome?: Outcome; close: () => void }) {
  return (
    <Modal opened={outcome !== undefined} onClose={close} title="Not everything was done" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text size="sm">
          {countText(outcome?.done.length ?? 0, "device")} done, {countText(outcome?.failed.length ?? 0, "device")} refused by the server:
        </Text>
        <Alert color="red" variant="light">
          <List size="sm">
            {outcome?.failed.slice(0, 20).map(({ name, error }) => (
              <List.Item key={name}>
                <strong>{name}</strong>: <code>{error.label}</code> {error.message}
              </List.Item>
            ))}
          </List>
        </Alert>
      </Stack>
    </Modal>
  );
}
