import { useQuery } from "@tanstack/react-query";
import { whyQuery } from "../../api/queries";
import type { Tone } from "../../api/states";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { Pill } from "../../parts/State";
import { To } from "../../parts/To";
import classes from "../rollouts/Rollouts.module.css";

const verdicts: Record<string, [Tone, string]> = {
  updating: ["busy", "It is being updated"],
  waiting: ["warn", "An update waits for it"],
  nothing: ["idle", "There is no update for it now"],
};

// Why the device gets an update, or does not: what weighs most comes first.
export function Why({ name }: { name: string }) {
  const query = useQuery(whyQuery(name));
  const [tone, label] = verdicts[query.data?.verdict ?? "nothing"] ?? ["idle", ""];
  return (
    <Panel title="Why it does or does not get an update" flush aside={query.data && <Pill tone={tone}>{label}</Pill>}>
      <Loaded query={query} rows={2}>
        {({ reasons }) => (
          <ul className={classes.reasons}>
            {reasons.map(({ code, text, rollout, deployment }, i) => (
              <li key={`${code}-${i}`} className={classes.reason}>
                {text}{" "}
                {rollout !== undefined && (
                  <To underline="always" to="/rollouts/$id" params={{ id: String(rollout) }}>
                    Rollout {rollout}
                  </To>
                )}{" "}
                {deployment !== undefined && (
                  <To underline="always" to="/deployments/$id" params={{ id: String(deployment) }}>
                    Deployment {deployment}
                  </To>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
