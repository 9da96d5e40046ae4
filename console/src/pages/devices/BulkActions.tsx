import { Alert, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
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
  // Whom it is about is settled when it is asked: the list goes on changing.
  const [asked, setAsked] = useState<{ act: Act; names: string[] }>();
  const [tried, setTried] = useState<number>();
  const stopper = useRef<AbortController>(undefined);
  const [joining, setJoining] = useState<"group" | "tag">();
  const [updating, update] = useDisclosure(false);
  const client = useQueryClient();
  const announce = useAnnounce();
  const may = useMay();
  const stop = () => stopper.current?.abort();
  useEffect(() => stop, []); // nothing goes on behind who leaves the page

  const run = async () => {
    const { act, names } = asked!;
    const { call, said } = acts[act];
    stopper.current = new AbortController();
    setTried(0);
    const result = await each(names, call, { signal: stopper.current.signal, progress: setTried });
    setTried(undefined);
    await client.invalidateQueries({ queryKey: ["devices"] });
    if (result.done.length > 0) announce(`${countText(result.done.length, "device")} ${said}`);
    if (result.failed.length > 0 || result.untried.length > 0) refused(result);
    else clear();
  };

  return (
    <>
      {devices.length > 0 && (
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
              <Button key={act} size="compact-sm" variant="default" onClick={() => setAsked({ act, names: devices.filter(acts[act].wants).map(({ name }) => name) })} disabled={!devices.some(acts[act].wants)}>
                {acts[act].label}…
              </Button>
            ))}
            <Button size="compact-sm" variant="subtle" onClick={clear}>
              Choose none
            </Button>
          </Group>
        </div>
      )}
      <Confirm
        opened={asked !== undefined}
        close={() => setAsked(undefined)}
        title={asked ? `${acts[asked.act].label} ${countText(asked.names.length, "device")}?` : ""}
        action={asked ? acts[asked.act].label : ""}
        dangerous={asked?.act !== "accept"}
        typed={asked?.act === "remove" && asked.names.length > 1 ? String(asked.names.length) : undefined}
        run={run}
        stop={stop}
      >
        {asked && questions[asked.act]}
        {asked && tried !== undefined && (
          <Text size="sm" mt="sm" role="status">
            {tried.toLocaleString("en")} of {asked.names.length.toLocaleString("en")}
          </Text>
        )}
      </Confirm>
      <Membership kind={joining} devices={devices.map(({ name }) => name)} close={() => setJoining(undefined)} />
      <UpdateDialog opened={updating} close={update.close} devices={devices.filter(({ status }) => status === "accepted")} done={clear} />
    </>
  );
}

// Stays when the chosen devices are no longer in the list.
export function Failures({ outcome, close }: { outcome?: Outcome; close: () => void }) {
  const { done, failed, untried } = outcome ?? { done: [], failed: [], untried: [] };
  const counts = [`${countText(done.length, "device")} done`, failed.length > 0 && `${failed.length} failed`, untried.length > 0 && `${untried.length} not tried`];
  return (
    <Modal opened={outcome !== undefined} onClose={close} title="Not everything was done" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text size="sm">{counts.filter(Boolean).join(", ")}</Text>
        {failed.length > 0 && (
          <Alert color="red" variant="light">
            <List size="sm">
              {failed.slice(0, 20).map(({ name, error }) => (
                <List.Item key={name}>
                  <strong>{name}</strong>: <code>{error.label}</code> {error.message}
                </List.Item>
              ))}
            </List>
          </Alert>
        )}
      </Stack>
    </Modal>
  );
}
