import { describe, expect, it } from "vitest";
import type { Transition } from "./client";
import { type DeploymentWithTransitions, withTransition } from "./live";

const offered: Transition = { id: 4, from: "server", sequence: 0, time_ms: 1, received_ms: 1, state: "offered" };
const failed: Transition = { id: 9, from: "device", sequence: 3, time_ms: 5, received_ms: 6, state: "failed", error: 3004, message: "bad digest" };
const before: DeploymentWithTransitions = {
  id: 1,
  device: "cam-01",
  version: "2.0",
  artifact_sha256: "00",
  state: "offered",
  created_ms: 1,
  created_by: "ann",
  changed_ms: 1,
  log: false,
  transitions: [offered],
};

describe("withTransition", () => {
  it("takes over what the device said", () => {
    expect(withTransition(before, failed)).toMatchObject({ state: "failed", error: 3004, message: "bad digest", changed_ms: 6, transitions: [offered, failed] });
  });

  it("takes each transition once, as a reconnected stream repeats them", () => {
    const after = withTransition(before, failed);
    expect(withTransition(after, failed)).toBe(after);
    expect(withTransition(before, offered)).toBe(before);
  });

  it("forgets an error that the next transition no longer has", () => {
    const deferred = withTransition(before, { ...failed, id: 5, state: "deferred" });
    expect(withTransition(deferred, { ...failed, id: 6, state: "accepted", error: undefined, message: undefined })).toMatchObject({ error: undefined });
  });
});
