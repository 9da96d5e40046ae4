import { useAddress } from "../../api/address";
import { Copyable } from "../../parts/Copy";
import { SecretNote } from "../../parts/SecretNote";
import { To } from "../../parts/To";

export interface DeviceToken {
  name: string;
  token: string;
}

// A device's own token, as its client's configuration takes it.
export function DeviceTokenNote({ made: { name, token } }: { made: DeviceToken }) {
  const address = useAddress();
  return (
    <SecretNote title={`The token of ${name}`} secret={token}>
      Put it into the configuration of{" "}
      <To to="/devices/$name" params={{ name }} underline="always">
        {name}
      </To>
      &apos;s client. SWUpdate&apos;s suricatta takes all that it needs as <Copyable text={`-t default -u ${address} -i ${name} -k ${token}`} what="SWUpdate's options" />
    </SecretNote>
  );
}
