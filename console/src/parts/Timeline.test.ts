import { describe, expect, it } from "vitest";
import type { Transition } from "../api/client";
import { stepsOf } from "./Timeline";

const at = (id: number, state: Transition["state"], ms: number, more: Partial<Transition> = {}): Transition => ({
  id,
  from: "device",
  sequence: id,
  time_ms: ms + 1e9,
  received_ms: ms,
  state,
  ...more,
});

describe("stepsOf", () => {
  it("draws reports of progress together and keeps the last", () => {
    const steps = stepsOf([at(1, "offered", 0), at(2, "installing", 100, { progress_permille: 10 }), at(3, "installing", 900, { progress_permille: 990 }), at(4, "verified", 1000)]);
    expect(steps.map(({ transition, reports, tookMs }) => [transition.id, reports, tookMs])).toEqual([
      [1, 1, 100],
      [3, 2, 900],
      [4, 1, undefined],
    ]);
  });

  it("keeps each error for itself", () => {
    expect(stepsOf([at(1, "deferred", 0, { error: 1 }), at(2, "deferred", 5, { error: 2 })])).toHaveLength(2);
  });

  it("has no steps without transitions", () => expect(stepsOf([])).toEqual([]));
});
