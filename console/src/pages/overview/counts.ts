// What the overview counts, as filters: each number leads to the devices that it counts.
import type { Tone } from "../../api/states";

export interface Count {
  label: string;
  filter: string;
  tone: Tone;
  // Worth a colour only when there is one.
  alarm?: boolean;
}

export const counts: Count[] = [
  { label: "accepted", filter: "status==accepted", tone: "good" },
  { label: "being updated", filter: "updatestatus==pending", tone: "busy" },
  { label: "whose last update failed", filter: "updatestatus==error", tone: "bad", alarm: true },
  { label: "not heard of for ten minutes", filter: "status==accepted;lastseen=lt=${OVERDUE_TS}", tone: "warn", alarm: true },
  { label: "waiting to be let in", filter: "status==pending", tone: "warn", alarm: true },
];
