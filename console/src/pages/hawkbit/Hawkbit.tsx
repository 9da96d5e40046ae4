import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useMay } from "../../api/may";
import { Page } from "../../parts/Page";
import { To } from "../../parts/To";
import { Authorities } from "./Authorities";
import { Clients } from "./Clients";
import { Gateways } from "./Gateways";
import { Register } from "./Register";
import { type DeviceToken, DeviceTokenNote } from "./DeviceTokenNote";

// Devices that speak hawkBit's protocol, and what they show to be let in: docs/ddi.md.
export function Hawkbit() {
  const mayRegister = useMay()("POST /api/v1/ddi/devices");
  const [registering, register] = useDisclosure(false);
  const [made, setMade] = useState<DeviceToken>();
  return (
    <Page
      title="hawkBit devices"
      lead={
        <>
          Devices with SWUpdate, rauc-hawkbit-updater, Zephyr or another client of hawkBit&apos;s protocol. They stand among the{" "}
          <To to="/devices" search={{ q: "protocol==hawkbit" }} underline="always">
            devices
          </To>{" "}
          like those that run aloftd.
        </>
      }
      actions={mayRegister && <Button onClick={register.open}>Register a device…</Button>}
    >
      {made && <DeviceTokenNote made={made} />}
      <Clients />
      <Gateways />
      <Authorities />
      {registering && <Register close={register.close} made={setMade} />}
    </Page>
  );
}
