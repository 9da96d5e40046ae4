import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Stale } from "./events";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("asks once for many changes, and again for later ones", () => {
  const flushed: string[][] = [];
  const stale = new Stale((keys) => flushed.push(keys));
  for (let i = 0; i < 100; i += 1) stale.add(["devices"]);
  stale.add(["rollouts", "devices"]);
  vi.advanceTimersByTime(1_000);
  expect(flushed).toEqual([["devices", "rollouts"]]);
  stale.add(["groups"]);
  vi.advanceTimersByTime(1_000);
  expect(flushed).toEqual([["devices", "rollouts"], ["groups"]]);
});

it("asks no more when the page has been left", () => {
  const flush = vi.fn();
  const stale = new Stale(flush);
  stale.add(["devices"]);
  stale.stop();
  vi.advanceTimersByTime(5_000);
  expect(flush).not.toHaveBeenCalled();
});
