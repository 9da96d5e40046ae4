import { Button } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { api, type MemberState, take } from "../../api/client";
import { useMay } from "../../api/may";
import { rolloutDevicesQuery } from "../../api/queries";
import { memberStates } from "../../api/rollouts";
import { RowConfirm } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";

export function Members({ rollout, state, all }: { rollout: number; state?: MemberState; all: () => void }) {
  const query = useInfiniteQuery(rolloutDevicesQuery(rollout, state));
  const client = useQueryClient();
  const may = useMay();
  const devices = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const takeOut = async (name: string) => {
    await take(api.POST("/api/v1/rollouts/{id}/devices/{name}/cancel", { params: { path: { id: rollout, name } } }));
    await client.invalidateQueries({ queryKey: ["rollouts"] });
  };
  return (
    <Panel
      title={state ? `Devices: ${memberStates[state].label.toLowerCase()}` : "Devices"}
      flush
      aside={
        state && (
          <Button size="compact-sm" variant="subtle" onClick={all}>
            Show all
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {() => (
          <DataTable
            label="Devices of the rollout"
            rows={devices}
            rowKey={({ device }) => device}
            empty={<Empty icon="devices" title="No device" />}
            columns={[
              { head: "Device", cell: ({ device }) => <To to="/devices/$name" params={{ name: device }} fw={550}>{device}</To> },
              { head: "State", cell: ({ state: now }) => <Dot tone={memberStates[now].tone}>{memberStates[now].label}</Dot> },
              { head: "Why", phone: "out", cell: ({ reason, deployment }) => <>{reason} {deployment !== undefined && <To to="/deployments/$id" params={{ id: String(deployment) }}>Deployment {deployment}</To>}</> },
              { head: "Wave", right: true, cell: ({ wave }) => wave || "" },
              { head: "Tries", right: true, phone: "out", cell: ({ attempts }) => attempts },
              { head: "Changed", phone: "out", cell: ({ changed_ms: changed }) => <Ago ms={changed} /> },
              may("POST /api/v1/rollouts/{id}/devices/{name}/cancel") && {
                phone: "below",
                cell: ({ device, state: now }) =>
                  (now === "waiting" || now === "offered") && (
                    <RowConfirm act="Take out" what={device} run={() => takeOut(device)}>
                      Its deployment is withdrawn; it does not count for the gates.
                    </RowConfirm>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      <More query={query} />
    </Panel>
  );
}
