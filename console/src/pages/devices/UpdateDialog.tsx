import { Alert, Button, Group, Modal, Select, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, type Device, type Release, take } from "../../api/client";
import { releasesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { countText } from "../../parts/text";

// Whether the release is made for the device.
export function fits(release: Release, device: Device): boolean {
  return release.product === device.product && release.hardware.includes(device.hardware);
}

interface UpdateDialogProps {
  opened: boolean;
  close: () => void;
  devices: Device[];
  done?: () => void;
}

// Gives one release to the devices; all of them, or none.
export function UpdateDialog({ opened, close, devices, done }: UpdateDialogProps) {
  const [release, setRelease] = useState<string | null>(null);
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery({ ...releasesQuery, enabled: opened });
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();
  const releases = data?.pages.flatMap((page) => page.releases) ?? [];
  const chosen = releases.find(({ id }) => String(id) === release);
  const misfits = chosen ? devices.filter((device) => !fits(chosen, device)) : [];
  const fitting = releases.filter((each) => devices.some((device) => fits(each, device)));
  const deploy = useMutation({
    mutationFn: () => take(api.POST("/api/v1/deployments", { body: { release: chosen!.id, devices: devices.map(({ name }) => name) } })),
    onSuccess: async ({ deployments }) => {
      close();
      done?.();
      announce(`${countText(deployments.length, "deployment")} made`);
      await client.invalidateQueries();
      if (deployments.length === 1) await navigate({ to: "/deployments/$id", params: { id: String(deployments[0]!.id) } });
      else await navigate({ to: "/deployments", search: { show: "active" } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    deploy.mutate();
  };
  return (
    <Modal opened={opened} onClose={close} title={`Update ${devices.length === 1 ? devices[0]!.name : countText(devices.length, "device")}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack>
          {data && fitting.length === 0 ? (
            <Text size="sm">No release fits the product and hardware of these devices. Upload one first.</Text>
          ) : (
            <Select
              label="Release"
              placeholder="Choose a release"
              searchable
              allowDeselect={false}
              data-autofocus
              value={release}
              onChange={setRelease}
              data={fitting.map((each) => ({ value: String(each.id), label: `${each.version} · ${each.product} · ${each.hardware.join(", ")}` }))}
              nothingFoundMessage="No release matches"
            />
          )}
          {hasNextPage && (
            <Button variant="subtle" size="compact-sm" onClick={() => void fetchNextPage()}>
              Look at older releases too
            </Button>
          )}
          {misfits.length > 0 && (
            <Alert color="yellow" title={`${countText(misfits.length, "device")} cannot take this release`}>
              {misfits
                .slice(0, 5)
                .map(({ name, product, hardware }) => `${name} (${product}, ${hardware})`)
                .join("; ")}
              {misfits.length > 5 && " and others"}. Choose them away first: the deployment is made for all, or for none.
            </Alert>
          )}
          {chosen && !chosen.verified && (
            <Text size="sm" c="dimmed">
              This server has no trust anchors, so it has not checked the release&apos;s signature. Each device does before it writes anything.
            </Text>
          )}
          {deploy.isError && <ErrorNote error={deploy.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" disabled={!chosen || misfits.length > 0} loading={deploy.isPending}>
              Update {countText(devices.length, "device")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
