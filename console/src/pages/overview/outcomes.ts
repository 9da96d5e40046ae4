// How updates ended, by time.
import type { Deployment } from "../../api/client";
import { stateOf } from "../../api/states";

export interface Outcomes {
  starts: number[]; // of each slot, in ms
  committed: number[];
  failed: number[];
}

// Whether some of them may be missing: those that are listed, the newest first, do not reach back to when the slots begin, and there are more.
export function isCut({ deployments, next_before: next }: { deployments: readonly Deployment[]; next_before?: number }, { starts }: Outcomes): boolean {
  return next !== undefined && (deployments.at(-1)?.created_ms ?? 0) > starts[0]!;
}

// The finished deployments in slots of equal length that end now, the last one being cut off by now.
export function outcomesOf(deployments: readonly Deployment[], nowMs: number, slotMs: number, slots: number): Outcomes {
  const first = Math.floor(nowMs / slotMs) - slots + 1;
  const outcomes: Outcomes = {
    starts: Array.from({ length: slots }, (_, i) => (first + i) * slotMs),
    committed: Array<number>(slots).fill(0),
    failed: Array<number>(slots).fill(0),
  };
  for (const { state, changed_ms: ended } of deployments) {
    const slot = Math.floor(ended / slotMs) - first;
    const { final, tone } = stateOf(state);
    if (!final || slot < 0 || slot >= slots || tone === "idle") continue;
    const counts = tone === "good" ? outcomes.committed : outcomes.failed;
    counts[slot]! += 1;
  }
  return outcomes;
}
