import { describe, expect, it } from "vitest";
import { careful, planOf } from "./plan";

const ready = { ...careful, name: "2.4 to all", release: "7", filter: "product==gateway" };

describe("planOf", () => {
  it("makes the careful plan", () => {
    expect(planOf(ready)).toEqual({
      plan: {
        name: "2.4 to all",
        release: 7,
        filter: "product==gateway",
        waves: [
          { count: 10, soak_s: 3600 },
          { permille: 100, soak_s: 3600 },
          { permille: 1000, soak_s: 0 },
        ],
        gates: [
          { failure: "any", max_permille: 50, min_sample: 10 },
          { failure: "silent", max_permille: 50, min_sample: 10 },
        ],
        health_gates: [],
        on_broken: "pause",
        rate_per_minute: 0,
        deadline_s: 86_400,
        retries: 0,
        adopt: false,
        needs_approval: false,
      },
    });
  });

  it("sends the group or the filter, never both", () => {
    expect(planOf({ ...ready, target: "group", group: "beta" })).toMatchObject({ plan: { group: "beta" } });
    expect(planOf({ ...ready, target: "group", group: "beta" })).not.toHaveProperty("plan.filter");
  });

  it("says how much of a wave is enough only when it is not all", () => {
    expect(planOf({ ...ready, successPercent: 97.5 })).toMatchObject({ plan: { success_permille: 975 } });
    expect(planOf(ready)).not.toHaveProperty("plan.success_permille");
  });

  it("takes a word for a part of the name", () => {
    expect(planOf({ ...ready, filter: " cam " })).toMatchObject({ plan: { filter: "name==*cam*" } });
    expect(planOf({ ...ready, filter: " " })).toEqual({ missing: "Say which devices" });
  });

  it("sends a policy only when there is one", () => {
    expect(planOf({ ...ready, windowFrom: "01:00", windowUntil: "05:00", consent: true, downloadOnly: true })).toMatchObject({ plan: { policy: { consent: true, download_only: true, window: { from: "01:00", until: "05:00" } } } });
    expect(planOf(ready)).not.toHaveProperty("plan.policy");
  });

  it.each([
    [{ release: null }, "Choose a release"],
    [{ filter: "" }, "Say which devices"],
    [{ target: "group" as const }, "Choose a group"],
    [{ onBroken: "roll-back" as const }, "Choose the release to go back to"],
    [{ windowFrom: "01:00" }, "A window has a beginning and an end"],
    [{ waves: [{ amount: 50, unit: "%" as const, soakMinutes: 0 }, { amount: 50, unit: "%" as const, soakMinutes: 0 }] }, "Each wave must reach further than the one before"],
  ])("says what is missing: %j", (change, missing) => expect(planOf({ ...ready, ...change })).toEqual({ missing }));
  it("starts by itself at a time of the own clock, or by hand", () => {
    expect(planOf({ ...ready, startAt: "2026-11-25T14:03" })).toMatchObject({ plan: { start_at_ms: new Date(2026, 10, 25, 14, 3).getTime() } });
    expect(planOf(ready)).not.toHaveProperty("plan.start_at_ms");
  });
  it("lets a rate grow, if there is one", () => {
    const grown = { growthPercent: 150, growthMinutes: 5 };
    const made = planOf({ ...ready, ratePerMinute: 10, ...grown });
    expect("plan" in made && made.plan.rate_growth).toEqual({ factor_percent: 150, interval_s: 300 });
    const without = planOf({ ...ready, ...grown });
    expect("plan" in without && without.plan.rate_growth).toBeUndefined();
  });
  it("judges by health where that is wanted", () => {
    const made = planOf({ ...ready, crashesPerHour: 0.01, worseMetric: "cpu-temp", worsePercent: 15 });
    expect("plan" in made && made.plan.health_gates).toEqual([
      { measure: "crash-reboots", limit: 0.01, min_devices: 10 },
      { measure: "cpu-temp", worse_percent: 15, min_devices: 10 },
    ]);
  });
});
