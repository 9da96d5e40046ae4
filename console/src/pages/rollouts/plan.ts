// What the form of a new rollout holds, and the plan that the API takes.
import type { RolloutPlan } from "../../api/client";
import { asFilter } from "../../parts/filter";

export interface WaveForm {
  amount: number;
  unit: "%" | "devices";
  soakMinutes: number;
}

export interface PlanForm {
  name: string;
  release: string | null;
  target: "filter" | "group";
  filter: string; // as it stands in the box
  group: string | null;
  waves: WaveForm[];
  failuresPercent: number;
  minSample: number;
  successPercent: number; // 0: a wave is over when all of it have ended
  silentPercent: number;
  crashesPerHour: number; // 0: they are not looked at
  worseMetric: string; // "": none
  worsePercent: number;
  onBroken: "pause" | "roll-back";
  rollbackRelease: string | null;
  ratePerMinute: number;
  growthPercent: number; // 100: the rate stays
  growthMinutes: number;
  deadlineHours: number;
  retries: number;
  adopt: boolean;
  needsApproval: boolean;
  consent: boolean;
  downloadOnly: boolean;
  windowFrom: string;
  windowUntil: string;
  startAt: string; // "2026-11-25T14:03" by this browser's clock; "": by hand
}

export const careful: PlanForm = {
  name: "",
  release: null,
  target: "filter",
  filter: "",
  group: null,
  waves: [
    { amount: 10, unit: "devices", soakMinutes: 60 },
    { amount: 10, unit: "%", soakMinutes: 60 },
    { amount: 100, unit: "%", soakMinutes: 0 },
  ],
  failuresPercent: 5,
  minSample: 10,
  successPercent: 0,
  silentPercent: 5,
  crashesPerHour: 0,
  worseMetric: "",
  worsePercent: 20,
  onBroken: "pause",
  rollbackRelease: null,
  ratePerMinute: 0,
  growthPercent: 100,
  growthMinutes: 10,
  deadlineHours: 24,
  retries: 0,
  adopt: false,
  needsApproval: false,
  consent: false,
  downloadOnly: false,
  windowFrom: "",
  windowUntil: "",
  startAt: "",
};

// The plan, or what is still missing.
export function planOf(form: PlanForm): { plan: RolloutPlan } | { missing: string } {
  if (form.release === null) return { missing: "Choose a release" };
  const filter = asFilter(form.filter);
  if (form.target === "filter" && filter === "") return { missing: "Say which devices" };
  if (form.target === "group" && form.group === null) return { missing: "Choose a group" };
  if (form.onBroken === "roll-back" && form.rollbackRelease === null) return { missing: "Choose the release to go back to" };
  if ((form.windowFrom === "") !== (form.windowUntil === "")) return { missing: "A window has a beginning and an end" };
  if (form.waves.some(({ amount, unit }, i) => i > 0 && unit === form.waves[i - 1]!.unit && amount <= form.waves[i - 1]!.amount)) return { missing: "Each wave must reach further than the one before" };
  const window = form.windowFrom === "" ? undefined : { from: form.windowFrom, until: form.windowUntil };
  return {
    plan: {
      name: form.name,
      release: Number(form.release),
      ...(form.target === "filter" ? { filter } : { group: form.group! }),
      waves: form.waves.map(({ amount, unit, soakMinutes }) => ({ ...(unit === "%" ? { permille: Math.round(amount * 10) } : { count: Math.round(amount) }), soak_s: Math.round(soakMinutes * 60) })),
      gates: [
        { failure: "any", max_permille: Math.round(form.failuresPercent * 10), min_sample: form.minSample },
        { failure: "silent", max_permille: Math.round(form.silentPercent * 10), min_sample: form.minSample },
      ],
      health_gates: [
        ...(form.crashesPerHour > 0 ? [{ measure: "crash-reboots", limit: form.crashesPerHour, min_devices: form.minSample }] : []),
        ...(form.worseMetric === "" ? [] : [{ measure: form.worseMetric, worse_percent: Math.round(form.worsePercent), min_devices: form.minSample }]),
      ],
      on_broken: form.onBroken,
      ...(form.onBroken === "roll-back" ? { rollback_release: Number(form.rollbackRelease) } : {}),
      rate_per_minute: form.ratePerMinute,
      ...(form.ratePerMinute > 0 && form.growthPercent > 100 ? { rate_growth: { factor_percent: Math.round(form.growthPercent), interval_s: Math.round(form.growthMinutes * 60) } } : {}),
      ...(form.successPercent > 0 ? { success_permille: Math.round(form.successPercent * 10) } : {}),
      deadline_s: Math.round(form.deadlineHours * 3600),
      retries: form.retries,
      adopt: form.adopt,
      needs_approval: form.needsApproval,
      ...(form.startAt === "" ? {} : { start_at_ms: new Date(form.startAt).getTime() }),
      ...(form.consent || form.downloadOnly || window ? { policy: { ...(form.consent ? { consent: true } : {}), ...(form.downloadOnly ? { download_only: true } : {}), ...(window ? { window } : {}) } } : {}),
    },
  };
}
