import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMay } from "../../api/may";
import { rolloutsQuery } from "../../api/queries";
import { Loaded, More } from "../../parts/Loaded";
import { Empty, Page, Panel } from "../../parts/Page";
import { RolloutTable } from "./RolloutTable";

export function Rollouts() {
  const query = useInfiniteQuery(rolloutsQuery({}));
  const navigate = useNavigate();
  const make = useMay()("POST /api/v1/rollouts") && <Button onClick={() => void navigate({ to: "/rollouts/new" })}>New rollout</Button>;
  const rollouts = query.data?.pages.flatMap((page) => page.rollouts) ?? [];
  const waiting = rollouts.filter(({ state }) => state === "awaiting-approval");
  return (
    <Page
      title="Rollouts"
      lead="A release on its way to many devices, in waves that stop by themselves."
      actions={make}
    >
      {waiting.length > 0 && (
        <Panel title="Wait for approval by a second person" flush>
          <RolloutTable rollouts={waiting} />
        </Panel>
      )}
      <Panel flush title={waiting.length > 0 ? "All rollouts" : undefined}>
        <Loaded query={query} rows={6}>
          {() =>
            rollouts.length === 0 ? (
              <Empty icon="rollouts" title="No rollout yet" action={make}>
                A rollout gives a release to a few devices first, watches how they take it, and goes on only when they are well.
              </Empty>
            ) : (
              <RolloutTable rollouts={rollouts} />
            )
          }
        </Loaded>
        <More query={query} />
      </Panel>
    </Page>
  );
}
