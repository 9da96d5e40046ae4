import { describe, expect, it } from "vitest";
import { ApiError, errorOf, take } from "./client";

describe("take", () => {
  it("yields the data of a good answer", async () => {
    const call = Promise.resolve({ data: { devices: [] }, response: new Response("{}", { status: 200 }) });
    expect(await take(call)).toEqual({ devices: [] });
  });

  it("throws the server's own number and words", async () => {
    const body = { error: { number: 9020, name: "device-busy", message: "cam-01 has an unfinished deployment; cancel it first" } };
    const call = Promise.resolve({ error: body, response: new Response("", { status: 409 }) });
    const error = await take(call).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, number: 9020, label: "E9020", message: body.error.message });
  });

  it("keeps Retry-After", async () => {
    const body = { error: { number: 9062, name: "too-many-attempts", message: "wait" } };
    const call = Promise.resolve({ error: body, response: new Response("", { status: 429, headers: { "Retry-After": "17" } }) });
    await expect(take(call)).rejects.toMatchObject({ retryAfterSeconds: 17 });
  });
});

describe("errorOf", () => {
  it("says what it can when the answer is not the server's", () => {
    expect(errorOf(502, "<html>Bad gateway</html>")).toMatchObject({ status: 502, number: 0, label: "" });
    expect(errorOf(502, undefined).message).toContain("502");
  });
});
