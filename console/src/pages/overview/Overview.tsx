import { useComputedColorScheme } from "@mantine/core";
import { useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { deploymentsQuery, filterCheckQuery, recentlyEndedQuery, releasesQuery, rolloutsQuery } from "../../api/queries";
import { quoted } from "../../parts/filter";
import { Loaded } from "../../parts/Loaded";
import { Empty, Loading, Page, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { To } from "../../parts/To";
import { DeploymentTable } from "../deployments/DeploymentTable";
import { FirstDevice } from "../devices/FirstDevice";
import { RolloutTable } from "../rollouts/RolloutTable";
import { type Count, counts } from "./counts";
import { isCut, outcomesOf } from "./outcomes";
import classes from "./Overview.module.css";

const OutcomesChart = lazy(() => import("./OutcomesChart").then(({ OutcomesChart: chart }) => ({ default: chart })));

export function Overview() {
  const rollouts = useInfiniteQuery(rolloutsQuery({ active: true }));
  const deployments = useInfiniteQuery(deploymentsQuery({ active: true }));
  const underWay = rollouts.data?.pages.flatMap((page) => page.rollouts) ?? [];
  const running = deployments.data?.pages.flatMap((page) => page.deployments) ?? [];
  const noDevice = useQuery(filterCheckQuery("status==accepted")).data?.device_count === 0;
  return (
    <Page title="Overview">
      <div className={classes.counts}>
        {counts.map((count) => (
          <CountCard key={count.filter} count={count} />
        ))}
      </div>
      {underWay.length > 0 && (
        <Panel title="Rollouts under way" flush>
          <RolloutTable rollouts={underWay} />
        </Panel>
      )}
      <div className={classes.columns}>
        <Ended />
        <Versions />
      </div>
      <Panel title="Devices being updated" flush aside={running.length > 10 && <To to="/deployments" search={{ show: "active" }}>Show all</To>}>
        <Loaded query={deployments}>
          {() => (running.length === 0 ? <Empty icon="deployments" title="Nothing is running" action={noDevice ? <FirstDevice /> : <To to="/devices">Choose devices to update</To>} /> : <DeploymentTable deployments={running.slice(0, 10)} />)}
        </Loaded>
      </Panel>
    </Page>
  );
}

function CountCard({ count: { label, filter, tone, alarm } }: { count: Count }) {
  const { data, isError } = useQuery(filterCheckQuery(filter));
  const number = data?.device_count;
  return (
    <Link to="/devices" search={{ q: filter }} className={`${classes.count} ${alarm && number ? classes[tone] : ""}`}>
      <span className={classes.number}>{isError ? "?" : (number?.toLocaleString("en") ?? "…")}</span>
      <span className={classes.label}>{label}</span>
    </Link>
  );
}

const hourMs = 3_600_000;

// How the last updates ended. The list is the newest thousand; in a busier fleet it says so.
function Ended() {
  const query = useQuery(recentlyEndedQuery);
  const scheme = useComputedColorScheme("light");
  const outcomes = useMemo(() => query.data && outcomesOf(query.data.deployments, query.dataUpdatedAt, hourMs, 24), [query.data, query.dataUpdatedAt]);
  return (
    <Panel
      title="Updates that ended in the last day"
      aside={
        <span className={classes.legend}>
          <Dot tone="good">committed</Dot>
          <Dot tone="bad">failed or rolled back</Dot>
        </span>
      }
    >
      <Loaded query={query} rows={4}>
        {(list) => (
          <>
            <Suspense fallback={<Loading rows={4} />}>{outcomes && <OutcomesChart outcomes={outcomes} scheme={scheme} />}</Suspense>
            {outcomes && isCut(list, outcomes) && <p className="dim">Only the newest {list.deployments.length.toLocaleString("en")} are counted; there were more.</p>}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

const versionsShown = 6;

// How many devices run each of the newest releases.
function Versions() {
  const releases = useInfiniteQuery(releasesQuery);
  const newest = (releases.data?.pages[0]?.releases ?? []).slice(0, versionsShown);
  const filters = newest.map(({ product, version }) => `status==accepted;product==${quoted(product)};version==${quoted(version)}`);
  const found = useQueries({ queries: filters.map((filter) => filterCheckQuery(filter)) }).map(({ data }) => data?.device_count);
  const most = Math.max(1, ...found.map((count) => count ?? 0));
  return (
    <Panel title="Devices on the newest releases">
      <Loaded query={releases} rows={4}>
        {() =>
          newest.length === 0 ? (
            <Empty icon="releases" title="No release yet" />
          ) : (
            <div className={classes.bars}>
              {newest.map((release, i) => (
                <VersionRow key={release.id} label={`${release.product} ${release.version}`} filter={filters[i]!} count={found[i]} most={most} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}

function VersionRow({ label, filter, count, most }: { label: string; filter: string; count?: number; most: number }) {
  return (
    <>
      <To to="/devices" search={{ q: filter }}>
        {label}
      </To>
      <span className={classes.track}>
        <span className={classes.fill} style={{ width: `${(100 * (count ?? 0)) / most}%` }} />
      </span>
      <span className="numbers">{count?.toLocaleString("en") ?? "…"}</span>
    </>
  );
}
