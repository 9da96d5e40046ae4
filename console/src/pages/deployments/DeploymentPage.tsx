import { Alert } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { deploymentQuery } from "../../api/queries";
import { stateOf } from "../../api/states";
import { Copyable } from "../../parts/Copy";
import { downloadText } from "../../parts/download";
import { Icon } from "../../parts/Icon";
import { Loaded } from "../../parts/Loaded";
import { Facts, Page, Panel } from "../../parts/Page";
import { DeploymentState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { Timeline } from "../../parts/Timeline";
import { DeploymentOrders } from "./DeploymentOrders";
import { Log } from "./Log";
import { Way } from "./Way";
import { To } from "../../parts/To";

const route = getRouteApi("/inside/deployments/$id");

export function DeploymentPage() {
  const id = Number(route.useParams().id);
  const query = useQuery(deploymentQuery(id));
  const deployment = query.data;
  const running = deployment !== undefined && !stateOf(deployment.state).final;
  return (
    <Page
      title={`Deployment ${id}`}
      back={{ to: "/deployments", label: "Deployments" }}
      lead={
        deployment && (
          <>
            {deployment.version} to{" "}
            <To underline="always" to="/devices/$name" params={{ name: deployment.device }}>
              {deployment.device}
            </To>
          </>
        )
      }
      actions={running && <DeploymentOrders deployment={deployment} />}
    >
      <Loaded query={query}>
        {(found) => (
          <>
            <Panel>
              <Way deployment={found} />
              {stateOf(found.state).tone === "bad" && (
                <Alert mt="md" color="red" variant="light" icon={<Icon name="warning" />} title={found.error === undefined ? stateOf(found.state).label : `${stateOf(found.state).label}: error E${found.error}`}>
                  {found.message || "The device gave no reason."}
                </Alert>
              )}
            </Panel>
            <Panel title="What happened">
              <Timeline transitions={found.transitions} />
            </Panel>
            {found.log && <Log id={id} name={`${found.device}-${id}.log`} />}
            <Panel title="Details">
              <Facts
                facts={[
                  ["State", <DeploymentState key="" deployment={found} />],
                  [
                    "Release",
                    found.release === undefined ? (
                      `${found.version} (deleted)`
                    ) : (
                      <To key="" to="/releases/$id" params={{ id: String(found.release) }}>
                        {found.version}
                      </To>
                    ),
                  ],
                  ["Made", <span key=""><Ago ms={found.created_ms} /> by {found.created_by}</span>],
                  ["Download only", found.policy?.download_only ? "until it is released" : undefined],
                  ["Last change", <Ago key="" ms={found.changed_ms} />],
                  ["Fetched", found.download ? downloadText(found.download) : "not told yet"],
                  ["Bundle SHA-256", <Copyable key="" text={found.artifact_sha256} what="the digest" />],
                ]}
              />
            </Panel>
          </>
        )}
      </Loaded>
    </Page>
  );
}
