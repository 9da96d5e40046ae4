import { SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { deploymentsQuery } from "../../api/queries";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { To } from "../../parts/To";
import classes from "../devices/Devices.module.css";
import { DeploymentTable } from "./DeploymentTable";

const route = getRouteApi("/inside/deployments");

export function Deployments() {
  const { show } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(deploymentsQuery(show === undefined ? {} : { active: show === "active" }));
  const shown = query.data?.pages.flatMap((page) => page.deployments) ?? [];
  return (
    <Page title="Deployments" lead="One release on its way to one device.">
      <Panel flush>
        <div className={classes.bar}>
          <SegmentedControl
            aria-label="Which deployments"
            value={show ?? "all"}
            onChange={(value) => void navigate({ search: value === "all" ? {} : { show: value as typeof show } })}
            data={[
              { value: "all", label: "All" },
              { value: "active", label: "Running" },
              { value: "finished", label: "Finished" },
            ]}
          />
        </div>
        <Loaded query={query} rows={8}>
          {() =>
            shown.length === 0 ? (
              <Empty icon="deployments" title={show === "active" ? "Nothing is running" : "No deployment yet"} action={<To to="/devices">Choose devices to update</To>} />
            ) : (
              <DeploymentTable deployments={shown} />
            )
          }
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
