import type { Rollout } from "../../api/client";
import { memberOrder, memberStates, membersOf } from "../../api/rollouts";
import classes from "./Rollouts.module.css";

// All devices of a rollout as one bar; the numbers stand in its name.
export function MemberBar({ counts, tall }: { counts: Rollout["counts"]; tall?: boolean }) {
  const all = membersOf(counts);
  const parts = memberOrder.filter((state) => (counts[state] ?? 0) > 0);
  const label = parts.map((state) => `${counts[state]} ${memberStates[state].label.toLowerCase()}`).join(", ") || "no devices";
  return (
    <div className={`${classes.members} ${tall ? classes.tall : ""}`} role="img" aria-label={label}>
      {parts.map((state) => (
        <span key={state} className={`${classes.part} ${classes[memberStates[state].tone]}`} style={{ flexGrow: counts[state]! / all }} />
      ))}
    </div>
  );
}
