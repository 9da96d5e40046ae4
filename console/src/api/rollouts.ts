// What the states of rollouts and of devices in them mean (docs/rollouts.md).
import type { MemberState, Rollout } from "./client";
import type { Tone } from "./states";

type RolloutState = Rollout["state"];
export type Order = "approve" | "deny" | "start" | "pause" | "resume" | "finish" | "abort" | "roll-back";

interface Meaning {
  label: string;
  tone: Tone;
  orders: Order[];
}

export const rolloutStates: Record<RolloutState, Meaning> = {
  gathering: { label: "Being made", tone: "busy", orders: ["abort"] },
  "awaiting-approval": { label: "Awaits approval", tone: "warn", orders: ["approve", "deny", "abort"] },
  ready: { label: "Ready", tone: "idle", orders: ["start", "abort"] },
  running: { label: "Running", tone: "busy", orders: ["pause", "roll-back", "abort"] },
  soaking: { label: "Soaking", tone: "busy", orders: ["pause", "roll-back", "abort"] },
  open: { label: "Open for newcomers", tone: "good", orders: ["pause", "finish", "roll-back", "abort"] },
  paused: { label: "Paused", tone: "warn", orders: ["resume", "finish", "roll-back", "abort"] },
  finished: { label: "Finished", tone: "good", orders: [] },
  aborted: { label: "Aborted", tone: "idle", orders: [] },
  denied: { label: "Denied", tone: "bad", orders: [] },
  "rolled-back": { label: "Rolled back", tone: "bad", orders: [] },
};

export const memberStates: Record<MemberState, { label: string; tone: Tone }> = {
  committed: { label: "Committed", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  "rolled-back": { label: "Rolled back", tone: "bad" },
  silent: { label: "Silent", tone: "warn" },
  offered: { label: "Under way", tone: "busy" },
  waiting: { label: "Waiting", tone: "idle" },
  cancelled: { label: "Taken out", tone: "idle" },
  skipped: { label: "Skipped", tone: "idle" },
};

// In the order in which they are drawn.
export const memberOrder = Object.keys(memberStates) as MemberState[];

export function membersOf(counts: Rollout["counts"]): number {
  return memberOrder.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
}

export function isUnderWay(state: RolloutState): boolean {
  return rolloutStates[state].orders.length > 0;
}
