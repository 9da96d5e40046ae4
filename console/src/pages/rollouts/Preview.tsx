import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import type { RolloutPlan } from "../../api/client";
import { rolloutPreviewQuery } from "../../api/queries";
import { ErrorNote } from "../../parts/ErrorNote";
import { Loading, Panel } from "../../parts/Page";
import { countText } from "../../parts/text";
import classes from "./Rollouts.module.css";

// What the plan would do, before anything happens.
export function Preview({ plan, missing }: { plan?: RolloutPlan; missing?: string }) {
  // The name makes no difference to who gets it.
  const [asked] = useDebouncedValue(plan && { ...plan, name: "preview" }, 400);
  return (
    <Panel title="What it would do">
      {missing || !asked ? (
        <Text size="sm" c="dimmed">
          {missing ?? "…"}
        </Text>
      ) : (
        <Answer plan={asked} />
      )}
    </Panel>
  );
}

function Answer({ plan }: { plan: RolloutPlan }) {
  const { data, error } = useQuery(rolloutPreviewQuery(plan));
  if (error) return <ErrorNote error={error} />;
  if (!data) return <Loading rows={3} />;
  return (
    <div role="status">
      <Text size="sm">
        <span className={classes.number}>{data.members.toLocaleString("en")}</span> of {countText(data.matching, "device")} that match{data.matching === 1 ? "es" : ""} would get it.
      </Text>
      {data.busy > 0 && <Text size="sm">{countText(data.busy, "of them waits", "of them wait")} for the end of another deployment first.</Text>}
      {data.left_out.length > 0 && (
        <>
          <Text size="sm" mt="sm" fw={600}>
            Left out
          </Text>
          <ul className={classes.list}>
            {data.left_out.map(({ reason, device_count: count }) => (
              <li key={reason}>
                <Text size="sm" span>
                  {count.toLocaleString("en")}: {reason}
                </Text>
              </li>
            ))}
          </ul>
        </>
      )}
      <Text size="sm" mt="sm" fw={600}>
        Waves
      </Text>
      <ol className={classes.list}>
        {data.waves.map((count, wave) => (
          <li key={wave}>
            <Text size="sm" span>
              {countText(count, "device")}
            </Text>
          </li>
        ))}
      </ol>
      {data.examples.length > 0 && (
        <Text size="sm" mt="sm" c="dimmed">
          First: {data.examples.slice(0, 5).join(", ")}
        </Text>
      )}
    </div>
  );
}
