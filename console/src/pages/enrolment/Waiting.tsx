import { Button } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Device, take } from "../../api/client";
import { useMay } from "../../api/may";
import { devicesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { Confirm } from "../../parts/Confirm";
import { CopyIcon } from "../../parts/Copy";
import { DataTable } from "../../parts/DataTable";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { shortDigest } from "../../parts/text";
import { To } from "../../parts/To";

type Asked = { act: "accept" | "reject"; device: Device };

// Devices that have asked and wait for a person.
export function Waiting() {
  const query = useInfiniteQuery(devicesQuery({ status: "pending" }));
  const [asked, setAsked] = useState<Asked>();
  const client = useQueryClient();
  const may = useMay();
  const announce = useAnnounce();
  const devices = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const run = async () => {
    const { act, device } = asked!;
    const path = { params: { path: { name: device.name } } };
    await take(act === "accept" ? api.POST("/api/v1/devices/{name}/accept", path) : api.POST("/api/v1/devices/{name}/reject", path));
    announce(`${device.name} ${act}ed`);
    await client.invalidateQueries({ queryKey: ["devices"] });
  };
  return (
    <Panel title="Waiting to be let in" flush>
      <Loaded query={query} rows={2}>
        {() => (
          <DataTable
            label="Waiting devices"
            rows={devices}
            rowKey={({ name }) => name}
            empty={
              <Empty icon="check" title="Nobody waits">
                A device without a token appears here when it asks for the first time.
              </Empty>
            }
            columns={[
              { head: "Device", cell: ({ name }) => <To to="/devices/$name" params={{ name }} fw={550}>{name}</To> },
              { head: "Key's SHA-256", phone: "below", cell: ({ name, key_sha256: digest }) => <span className="nowrap"><code title={digest}>{shortDigest(digest)}…</code> <CopyIcon text={digest} what={`the digest of ${name}`} /></span> },
              { head: "Product", phone: "out", cell: ({ product }) => product },
              { head: "Hardware", phone: "out", cell: ({ hardware }) => hardware },
              { head: "Asked", phone: "out", cell: ({ created_ms: at }) => <Ago ms={at} /> },
              may("POST /api/v1/devices/{name}/accept") && {
                phone: "below",
                cell: (device) => (
                  <>
                    <Button size="compact-sm" onClick={() => setAsked({ act: "accept", device })} aria-label={`Accept ${device.name}`}>
                      Accept
                    </Button>
                    <Button size="compact-sm" variant="default" onClick={() => setAsked({ act: "reject", device })} aria-label={`Reject ${device.name}`}>
                      Reject
                    </Button>
                  </>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      <More query={query} />
      <Confirm
        opened={asked !== undefined}
        close={() => setAsked(undefined)}
        title={asked ? `${asked.act === "accept" ? "Accept" : "Reject"} ${asked.device.name}?` : ""}
        action={asked?.act === "reject" ? "Reject" : "Accept"}
        dangerous={asked?.act === "reject"}
        run={run}
      >
        {asked?.act === "reject" ? (
          "It is kept out until somebody accepts it."
        ) : (
          <>
            Whoever holds this key will be {asked?.device.name}. Compare its digest with what <code>aloftd status</code> shows on the device:
            <p>
              <code>{asked?.device.key_sha256}</code>
            </p>
          </>
        )}
      </Confirm>
    </Panel>
  );
}
