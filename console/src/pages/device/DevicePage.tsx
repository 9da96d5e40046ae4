import { Alert, Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { api, type Device, take } from "../../api/client";
import { useMay } from "../../api/may";
import { deviceQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { Confirm, ConfirmButton } from "../../parts/Confirm";
import { Copyable } from "../../parts/Copy";
import { Icon } from "../../parts/Icon";
import { Loaded } from "../../parts/Loaded";
import { Facts, Page, Panel } from "../../parts/Page";
import { DeviceState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { timeText } from "../../parts/text";
import { DeviceOrders } from "../hawkbit/DeviceOrders";
import { type DeviceToken, DeviceTokenNote } from "../hawkbit/DeviceTokenNote";
import { UpdateDialog } from "../devices/UpdateDialog";
import { DeviceHealth } from "../health/Health";
import { Updates } from "./Updates";
import { Why } from "./Why";
import { To } from "../../parts/To";

const route = getRouteApi("/inside/devices/$name");

export function DevicePage() {
  const { name } = route.useParams();
  const query = useQuery(deviceQuery(name));
  const [made, setMade] = useState<DeviceToken>();
  return (
    <Page title={name} back={{ to: "/devices", label: "Devices" }} actions={query.data && <Actions device={query.data} made={setMade} />}>
      {made?.name === name && <DeviceTokenNote made={made} />}
      <Loaded query={query}>
        {(device) => (
          <>
            {device.problem && (
              <Alert mb="md" color="red" variant="light" icon={<Icon name="warning" />} title={`The device needs help: error E${device.problem.error}`}>
                {device.problem.message}
              </Alert>
            )}
            <Panel>
              <Facts
                facts={[
                  ["State", <DeviceState key="" device={device} />],
                  ["Running version", device.version],
                  ["Product", device.product],
                  ["Hardware", device.hardware],
                  ["Tags", device.tags?.length ? <Memberships key="" field="tag" names={device.tags} /> : undefined],
                  ["Groups", device.groups?.length ? <Memberships key="" field="group" names={device.groups} /> : undefined],
                  ["Last seen", <Ago key="" ms={device.last_seen_ms} />],
                  [isHawkbit(device) ? "Registered" : "First seen", timeText(device.created_ms)],
                  ["Protocol", isHawkbit(device) ? "hawkBit's" : undefined],
                  [isHawkbit(device) ? "Token's SHA-256" : "Key's SHA-256", /[^0]/.test(device.key_sha256) ? <Copyable key="" text={device.key_sha256} what="the digest" /> : "no token of its own"],
                ]}
              />
            </Panel>
            <Why name={name} />
            <DeviceHealth name={name} />
            <Updates device={name} />
            <Inventory attributes={device.attributes ?? {}} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

const isHawkbit = (device: Device) => device.protocol === "hawkbit";

function Memberships({ field, names }: { field: "tag" | "group"; names: string[] }) {
  return names.map((name, i) => (
    <Fragment key={name}>
      {i > 0 && ", "}
      <To to="/devices" search={{ q: `${field}==${name}` }}>
        {name}
      </To>
    </Fragment>
  ));
}

// What the device has found out about itself.
function Inventory({ attributes }: { attributes: Record<string, string> }) {
  const entries = Object.entries(attributes).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return null;
  return (
    <Panel title="Inventory">
      <Facts facts={entries.map(([key, value]) => [key, value])} />
    </Panel>
  );
}

function Actions({ device, made }: { device: Device; made: (made: DeviceToken) => void }) {
  const { name } = device;
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();
  const may = useMay();
  const [updating, update] = useDisclosure(false);
  const [accepting, accept] = useDisclosure(false);
  const path = { params: { path: { name } } };
  const after = async (said: string) => {
    announce(`${name} ${said}`);
    await client.invalidateQueries({ queryKey: ["devices"] });
  };
  return (
    <>
      {device.status === "accepted" && may("POST /api/v1/deployments") && (
        <Button onClick={update.open} disabled={device.deployment !== undefined}>
          Update…
        </Button>
      )}
      {device.status !== "accepted" && may("POST /api/v1/devices/{name}/accept") && <Button onClick={accept.open}>Accept…</Button>}
      {isHawkbit(device) && <DeviceOrders name={name} made={made} />}
      {device.status !== "rejected" && may("POST /api/v1/devices/{name}/reject") && (
        <ConfirmButton label="Reject…" title={`Reject ${name}?`} action="Reject" run={async () => take(api.POST("/api/v1/devices/{name}/reject", path)).then(() => after("rejected"))}>
          Its access ends at once. It can be accepted again later.
        </ConfirmButton>
      )}
      {may("DELETE /api/v1/devices/{name}") && (
        <ConfirmButton
          label="Delete…"
          title={`Delete ${name}?`}
          action="Delete"
          typed={name}
          run={async () => {
            await take(api.DELETE("/api/v1/devices/{name}", path));
            await navigate({ to: "/devices" });
            await after("deleted");
          }}
        >
          The device, its deployments and logs are forgotten. If it still exists, it {isHawkbit(device) ? "is refused, unless it shows a gateway's token" : "comes back as a stranger"}.
        </ConfirmButton>
      )}
      <Confirm
        opened={accepting}
        close={accept.close}
        title={`Accept ${name}?`}
        action="Accept"
        dangerous={false}
        run={async () => take(api.POST("/api/v1/devices/{name}/accept", path)).then(() => after("accepted"))}
      >
        {isHawkbit(device) ? (
          "It gets updates again, by the token or certificate that it had."
        ) : (
          <>
            Compare this digest with what <code>aloftd status</code> shows on the device:
            <p>
              <code>{device.key_sha256}</code>
            </p>
          </>
        )}
      </Confirm>
      <UpdateDialog opened={updating} close={update.close} devices={[device]} />
    </>
  );
}
