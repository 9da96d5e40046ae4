import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { each } from "./bulk";

describe("each", () => {
  it("goes on behind a device that the server refuses", async () => {
    const refused = new ApiError(409, 9020, "busy");
    const outcome = await each(["a", "b", "c"], async (name) => {
      if (name === "b") throw refused;
    });
    expect(outcome).toEqual({ done: ["a", "c"], failed: [{ name: "b", error: refused }], untried: [] });
  });

  it("stops when the server is gone or the session has ended", async () => {
    const asked: string[] = [];
    const outcome = await each(["a", "b", "c"], async (name) => {
      asked.push(name);
      throw new ApiError(0, 0, "no answer");
    });
    expect(asked).toEqual(["a"]);
    expect(outcome.failed).toHaveLength(1);
    expect(outcome.untried).toEqual(["b", "c"]);
  });

  it("stops between two when it is told to, and knows who was not tried", async () => {
    const stop = new AbortController();
    const progress: number[] = [];
    const act = async (name: string) => name === "b" && stop.abort();
    const outcome = await each(["a", "b", "c", "d"], act, { signal: stop.signal, progress: (tried) => progress.push(tried) });
    expect(outcome).toEqual({ done: ["a", "b"], failed: [], untried: ["c", "d"] });
    expect(progress).toEqual([1, 2]);
  });

  it("lets our own mistakes through", async () => {
    await expect(each(["a"], async () => Promise.reject(new TypeError("ours")))).rejects.toThrow("ours");
  });
});
