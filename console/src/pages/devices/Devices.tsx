import { Button, SegmentedControl } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "../../api/may";
import { devicesQuery } from "../../api/queries";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { FilterCount, QueryBar } from "../../parts/QueryBar";
import type { Outcome } from "./bulk";
import { BulkActions, Failures } from "./BulkActions";
import classes from "./Devices.module.css";
import { DeviceTable } from "./DeviceTable";
import { FirstDevice } from "./FirstDevice";
import { SaveGroup } from "./SaveGroup";

const route = getRouteApi("/inside/devices");

export function Devices() {
  const search = route.useSearch();
  const { status, q } = search;
  const navigate = route.useNavigate();
  const go = useNavigate();
  const [saving, save] = useDisclosure(false);
  const query = useInfiniteQuery(devicesQuery({ status, q }));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<Outcome>();
  const choose = (names: string[], on: boolean) =>
    setChosen((before) => {
      const after = new Set(before);
      for (const name of names) if (on) after.add(name);
        else after.delete(name);
      return after;
    });
  const may = useMay();
  // What is shown, as one filter.
  const filter = q && status ? `status==${status};(${q})` : q;
  const clear = () => setChosen(new Set());
  const shown = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const chosenDevices = shown.filter(({ name }) => chosen.has(name));
  return (
    <Page title="Devices">
      <Panel flush>
        <div className={classes.bar}>
          <div className={classes.query}>
            <QueryBar value={q} onChange={(filter) => void navigate({ search: { ...search, q: filter } })} />
          </div>
          <SegmentedControl
            size="sm"
            aria-label="Which devices"
            value={status ?? "all"}
            onChange={(value) => void navigate({ search: { ...search, status: value === "all" ? undefined : (value as typeof status) } })}
            data={[
              { value: "all", label: "All" },
              { value: "accepted", label: "Accepted" },
              { value: "pending", label: "Pending" },
              { value: "rejected", label: "Rejected" },
            ]}
          />
        </div>
        {filter && (
          <div className={classes.found}>
            <FilterCount filter={filter} />
            <span>
              {may("POST /api/v1/groups") && (
                <Button size="compact-sm" variant="subtle" onClick={save.open}>
                  Save as group…
                </Button>
              )}
              {may("POST /api/v1/rollouts") && (status ?? "accepted") === "accepted" && (
                <Button size="compact-sm" variant="subtle" onClick={() => void go({ to: "/rollouts/new", search: { q: filter } })}>
                  Roll out to these…
                </Button>
              )}
            </span>
          </div>
        )}
        <SaveGroup opened={saving} close={save.close} filter={filter} made={() => void go({ to: "/groups" })} />
        <BulkActions devices={chosenDevices} clear={clear} refused={setRefused} />
        <Failures outcome={refused} close={() => setRefused(undefined)} />
        <Loaded query={query} rows={8}>
          {() =>
            shown.length === 0 ? (
              <Empty icon="devices" title={q ? "No device matches" : status ? `No device is ${status}` : "No device yet"} action={status || q ? undefined : <FirstDevice />}>
                {status || q ? undefined : "A device appears here when its agent has asked this server for the first time."}
              </Empty>
            ) : (
              <DeviceTable devices={shown} chosen={chosen} choose={may("POST /api/v1/deployments") ? choose : undefined} />
            )
          }
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
