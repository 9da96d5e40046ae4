import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { each } from "./bulk";

describe("each", () => {
  it("goes on behind a device that the server refuses", async () => {
    const refused = new ApiError(409, 9020, "busy");
    const outcome = await each(["a", "b", "c"], async (name) => {
      if (name === "b") throw refused;
    });
    expect(outcome).toEqual({ done: ["a", "c"], failed: [{ name: "b", error: refused }] });
  });

  it("stops when the server is gone or the session has ended", async () => {
    const asked: string[] = [];
    const outcome = await each(["a", "b"], async (name) => {
      asked.push(name);
      throw new ApiError(0, 0, "no answer");
    });
    expect(asked).toEqual(["a"]);
    expect(outcome.failed).toHaveLength(1);
  });

  it("lets our own mistakes through", async () => {
    await expect(each(["a"], async () => Promise.reject(new TypeError("ours")))).rejects.toThrow("ours");
  });
});
