// What a plan says, as people say it.
import type { Rollout } from "../../api/client";
import { countText, sizeText } from "../../parts/text";

// "10 devices", "2.5%".
export function shareText({ count, permille }: { count?: number; permille?: number }): string {
  return permille === undefined ? countText(count ?? 0, "device") : `${permille / 10}%`;
}

// "90 min", "2 h", "3 days": the largest unit that says it exactly, from two of it on.
export function soakText(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes >= 2880 && minutes % 1440 === 0) return `${minutes / 1440} days`;
  return minutes >= 120 && minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

// "22:00 to 05:00 on sat, sun, by the device's clock"
export function windowText({ from, until, days }: { from: string; until: string; days?: string[] }): string {
  return `${from} to ${until}${days && days.length < 7 ? ` on ${days.join(", ")}` : ""}, by the device's clock`;
}

// "at most 5.0 MiB; nothing over a metered link"
export function costText({ budget_bytes: most, metered_budget_bytes: metered, metered: way }: NonNullable<NonNullable<Rollout["policy"]>["download"]>): string {
  const over = way === "wait" ? "nothing over a metered link" : metered !== undefined && `at most ${sizeText(metered)} over a metered link`;
  return [most !== undefined && `at most ${sizeText(most)}`, over].filter(Boolean).join("; ");
}

// How far a wave is, by its number from 1 on. A rollout that a person has finished may have ended before its last wave.
export function waveState({ state, wave, waves = [] }: Pick<Rollout, "state" | "wave" | "waves">, number: number): "done" | "now" | "held" | "to come" {
  const over = state === "open" || (state === "finished" && wave >= waves.length);
  if (over || number < wave) return "done";
  if (number > wave) return "to come";
  return ["paused", "finished", "aborted", "rolled-back"].includes(state) ? "held" : "now";
}
