import { useQuery } from "@tanstack/react-query";
import { useMay } from "../../api/may";
import { sessionQuery } from "../../api/queries";
import { Copyable } from "../../parts/Copy";
import { Facts, Page, Panel } from "../../parts/Page";
import { ApiTokens } from "./ApiTokens";
import { OwnPassword } from "./OwnPassword";
import { Quotas } from "./Quotas";
import { Sessions } from "./Sessions";
import { Users } from "./Users";
import { Webhooks } from "./Webhooks";

export function Settings() {
  const { data: session } = useQuery(sessionQuery);
  const may = useMay();
  return (
    <Page title="Settings">
      <Sessions />
      <ApiTokens />
      {session && !session.issuer && <OwnPassword user={session.user} />}
      {may("GET /api/v1/users") && <Users />}
      {may("GET /api/v1/webhooks") && <Webhooks />}
      <Quotas />
      <Panel title="This server">
        <Facts
          facts={[
            ["Version", session?.server_version],
            ["Logged in as", session?.display ? `${session.display} (${session.user})` : session?.user],
            ["Signed in at", session?.issuer],
            ["Roles", session?.roles.join(", ")],
            ["Certificate's SHA-256", session?.certificate_sha256 && <Copyable text={session.certificate_sha256} what="the digest" />],
          ]}
        />
      </Panel>
    </Page>
  );
}
