import { describe, expect, it } from "vitest";
import type { Deployment } from "../../api/client";
import { isCut, outcomesOf } from "./outcomes";

const hour = 3_600_000;
const now = 100.5 * hour;
const ended = (state: Deployment["state"], hours: number): Deployment => ({ id: 1, device: "a", version: "1", artifact_sha256: "", created_ms: 0, created_by: "", log: false, state, changed_ms: hours * hour });

describe("outcomesOf", () => {
  it("counts what ended in each slot", () => {
    const outcomes = outcomesOf([ended("committed", 100.4), ended("committed", 99), ended("rolled-back", 99.9), ended("failed", 100.1), ended("cancelled", 100.2), ended("installing", 100.3)], now, hour, 3);
    expect(outcomes).toEqual({ starts: [98 * hour, 99 * hour, 100 * hour], committed: [0, 1, 1], failed: [0, 1, 1] });
  });

  it("leaves out what is older, or of a clock that goes ahead", () => {
    expect(outcomesOf([ended("committed", 97.9), ended("committed", 101)], now, hour, 3).committed).toEqual([0, 0, 0]);
  });
});

it("knows when a busy fleet has more than was listed", () => {
  const day = outcomesOf([], now, hour, 24);
  const since = (hours: number) => [{ ...ended("committed", 100), created_ms: hours * hour }];
  expect(isCut({ deployments: since(99), next_before: 7 }, day)).toBe(true);
  expect(isCut({ deployments: since(99) }, day)).toBe(false);
  expect(isCut({ deployments: since(50), next_before: 7 }, day)).toBe(false);
});
