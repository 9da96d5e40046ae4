import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deploymentsQuery } from "../../api/queries";
import { Loaded } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { DeploymentTable } from "../deployments/DeploymentTable";

export function Overview() {
  const query = useInfiniteQuery(deploymentsQuery({ active: true }));
  const running = query.data?.pages.flatMap((page) => page.deployments) ?? [];
  return (
    <Page title="Overview">
      <Panel title="Running now" flush>
        <Loaded query={query}>
          {() => (running.length === 0 ? <Empty icon="deployments" title="Nothing is running" action={<Link to="/devices">Choose devices to update</Link>} /> : <DeploymentTable deployments={running.slice(0, 10)} />)}
        </Loaded>
      </Panel>
    </Page>
  );
}
