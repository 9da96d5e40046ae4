import { describe, expect, it } from "vitest";
import type { Transition } from "../../api/client";
import { furthest } from "./Way";

const went = (...states: Transition["state"][]) => ({
  state: states.at(-1)!,
  transitions: states.map((state, id): Transition => ({ id, from: "device", sequence: id, time_ms: 0, received_ms: 0, state })),
});

describe("furthest", () => {
  it.each([
    [0, went("offered")],
    [2, went("offered", "accepted", "downloading", "failed")],
    [5, went("offered", "accepted", "installing", "verified", "armed", "rebooting", "on-trial", "rolled-back")],
    [6, went("offered", "on-trial", "committed")],
    [0, went("offered", "cancelled")],
  ])("step %d", (step, deployment) => expect(furthest(deployment)).toBe(step));
});
