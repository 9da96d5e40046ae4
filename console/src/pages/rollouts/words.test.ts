import { expect, it } from "vitest";
import { costText, shareText, soakText, waveState, windowText } from "./words";

it("counts one device as one", () => expect([{ count: 1 }, { count: 1200 }, { permille: 25 }].map(shareText)).toEqual(["1 device", "1,200 devices", "2.5%"]));

it("says a soak in the largest unit that is exact", () => {
  expect([60, 3600, 5400, 7200, 86_400, 2 * 86_400, 90_000].map(soakText)).toEqual(["1 min", "60 min", "90 min", "2 h", "24 h", "2 days", "25 h"]);
});

it("names the days of a window only where there are others", () => {
  const night = { from: "22:00", until: "05:00" };
  const week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  expect([night, { ...night, days: week }].map(windowText)).toEqual(Array(2).fill("22:00 to 05:00, by the device's clock"));
  expect(windowText({ ...night, days: ["sat", "sun"] })).toBe("22:00 to 05:00 on sat, sun, by the device's clock");
});

it("says what an update may cost a device", () => {
  expect(costText({ budget_bytes: 5 * 1024 ** 2, metered_budget_bytes: 1024 })).toBe("at most 5.0 MiB; at most 1.0 KiB over a metered link");
  expect([{ metered: "wait" as const }, { budget_bytes: 0, metered: "use" as const }, {}].map(costText)).toEqual(["nothing over a metered link", "at most 0 B", ""]);
});

it.each([
  ["running", 2, ["done", "now", "to come"]],
  ["open", 3, ["done", "done", "done"]],
  ["finished", 3, ["done", "done", "done"]],
  ["finished", 1, ["held", "to come", "to come"]],
  ["paused", 2, ["done", "held", "to come"]],
  ["ready", 0, ["to come", "to come", "to come"]],
] as const)("waves of a rollout that is %s in wave %d", (state, wave, states) => {
  expect([1, 2, 3].map((number) => waveState({ state, wave, waves: [{}, {}, {}] }, number))).toEqual(states);
});
