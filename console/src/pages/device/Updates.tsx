import { Group, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Deployment } from "../../api/client";
import { deploymentQuery, deploymentsQuery } from "../../api/queries";
import { stateOf } from "../../api/states";
import { downloadText } from "../../parts/download";
import { Icon } from "../../parts/Icon";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { DeploymentState } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { Timeline } from "../../parts/Timeline";
import { DeploymentOrders } from "../deployments/DeploymentOrders";
import classes from "./Updates.module.css";
import { To } from "../../parts/To";

// Every update that the device was ever given, the newest first and open.
export function Updates({ device }: { device: string }) {
  const query = useInfiniteQuery(deploymentsQuery({ device }));
  const deployments = query.data?.pages.flatMap((page) => page.deployments) ?? [];
  return (
    <Panel title="Updates" flush>
      <Loaded query={query}>
        {() =>
          deployments.length === 0 ? (
            <Empty icon="deployments" title="No update yet" />
          ) : (
            <ul className={classes.list}>
              {deployments.map((deployment, place) => (
                <Update key={deployment.id} deployment={deployment} openAtFirst={place === 0} />
              ))}
            </ul>
          )
        }
      </Loaded>
      <More query={query} />
    </Panel>
  );
}

function Update({ deployment, openAtFirst }: { deployment: Deployment; openAtFirst: boolean }) {
  const [open, setOpen] = useState(openAtFirst);
  const body = `update-${deployment.id}`;
  return (
    <li className={classes.update}>
      <div className={classes.head}>
        <UnstyledButton className={classes.toggle} aria-expanded={open} aria-controls={body} onClick={() => setOpen(!open)}>
          <span className={open ? classes.down : undefined}>
            <Icon name="right" size={16} />
          </span>
          <span className={`${classes.version} numbers`}>{deployment.version}</span>
          <DeploymentState deployment={deployment} />
          {deployment.error !== undefined && <code>E{deployment.error}</code>}
        </UnstyledButton>
        <span className="dim nowrap">
          <Ago ms={deployment.changed_ms} /> ·{" "}
          <To to="/deployments/$id" params={{ id: String(deployment.id) }}>
            {deployment.log ? "Details and log" : "Details"}
          </To>
        </span>
      </div>
      {open && (
        <div id={body} className={classes.body}>
          {deployment.download && <p className="dim">Fetched {downloadText(deployment.download)}.</p>}
          <History deployment={deployment} />
        </div>
      )}
    </li>
  );
}

function History({ deployment }: { deployment: Deployment }) {
  const query = useQuery(deploymentQuery(deployment.id));
  return (
    <Loaded query={query} rows={3}>
      {(found) => (
        <>
          <Timeline transitions={found.transitions} />
          {!stateOf(found.state).final && (
            <Group mt="sm">
              <DeploymentOrders deployment={found} />
            </Group>
          )}
        </>
      )}
    </Loaded>
  );
}
