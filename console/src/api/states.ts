// The states of an update (docs/update-states.md), as people should see them.
import type { UpdateState } from "./client";

export type Tone = "good" | "bad" | "warn" | "busy" | "idle";

export interface StateMeaning {
  label: string;
  tone: Tone;
  final: boolean;
  // How far along the way to committed, 0 to 6; states that end elsewhere have none.
  step?: number;
}

export const states: Record<UpdateState, StateMeaning> = {
  offered: { label: "Offered", tone: "idle", final: false, step: 0 },
  deferred: { label: "Deferred", tone: "warn", final: false, step: 0 },
  accepted: { label: "Accepted", tone: "busy", final: false, step: 1 },
  downloading: { label: "Downloading", tone: "busy", final: false, step: 2 },
  installing: { label: "Installing", tone: "busy", final: false, step: 2 },
  verified: { label: "Verified", tone: "busy", final: false, step: 3 },
  armed: { label: "Armed", tone: "busy", final: false, step: 4 },
  rebooting: { label: "Rebooting", tone: "busy", final: false, step: 4 },
  "on-trial": { label: "On trial", tone: "busy", final: false, step: 5 },
  committed: { label: "Committed", tone: "good", final: true, step: 6 },
  "rolled-back": { label: "Rolled back", tone: "bad", final: true },
  failed: { label: "Failed", tone: "bad", final: true },
  cancelled: { label: "Cancelled", tone: "idle", final: true },
};

export const lastStep = 6;

export function stateOf(state: UpdateState): StateMeaning {
  return states[state] ?? { label: state, tone: "idle", final: false };
}
