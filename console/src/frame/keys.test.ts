import { describe, expect, it } from "vitest";
import { KeyReader } from "./keys";

const reader = () => new KeyReader(new Set(["d", "r"]));

describe("KeyReader", () => {
  it("goes to a place after g and its letter", () => {
    const keys = reader();
    expect(keys.read("g", 0)).toBeUndefined();
    expect(keys.read("d", 500)).toEqual({ kind: "go", key: "d" });
    expect(keys.read("d", 600)).toBeUndefined();
  });

  it("forgets g after a while, and after another key", () => {
    const keys = reader();
    keys.read("g", 0);
    expect(keys.read("d", 5_000)).toBeUndefined();
    keys.read("g", 6_000);
    keys.read("x", 6_100);
    expect(keys.read("d", 6_200)).toBeUndefined();
  });

  it("takes a second g as a new beginning", () => {
    const keys = reader();
    keys.read("g", 0);
    keys.read("g", 1_000);
    expect(keys.read("r", 2_000)).toEqual({ kind: "go", key: "r" });
  });

  it("knows the single keys", () => {
    expect(reader().read("/", 0)).toEqual({ kind: "search" });
    expect(reader().read("?", 0)).toEqual({ kind: "help" });
  });
});
