import type { DeploymentWithTransitions } from "../../api/client";
import { lastStep, stateOf } from "../../api/states";
import { percentText } from "../../parts/text";
import classes from "./Way.module.css";

const names = ["Offered", "Accepted", "Transfer", "Verified", "Reboot", "On trial", "Committed"];

// How far the update came: the furthest step of any transition, for it may have ended elsewhere.
export function furthest(deployment: Pick<DeploymentWithTransitions, "state" | "transitions">): number {
  return Math.max(0, stateOf(deployment.state).step ?? 0, ...deployment.transitions.map(({ state }) => stateOf(state).step ?? 0));
}

export function Way({ deployment }: { deployment: DeploymentWithTransitions }) {
  const { final, tone, label } = stateOf(deployment.state);
  const reached = furthest(deployment);
  const committed = reached === lastStep;
  return (
    <ol className={classes.way} aria-label={`${label}, step ${reached + 1} of ${names.length}`}>
      {names.map((name, step) => {
        const here = step === reached && !committed;
        const className = here ? (final ? classes.ended : classes.here) : step < reached || committed ? classes.done : "";
        const percent = here && !final && step === 2 && deployment.progress_permille !== undefined ? ` ${percentText(deployment.progress_permille)}` : "";
        return (
          <li key={name} className={`${classes.step} ${className}`} aria-current={here ? "step" : undefined}>
            <span>{here && final && (tone === "bad" || tone === "idle") ? label : name + percent}</span>
          </li>
        );
      })}
    </ol>
  );
}
