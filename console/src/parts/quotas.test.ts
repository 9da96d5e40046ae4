import { expect, it } from "vitest";
import { amountText, changedLimits, filledPermille, limitText, parseLimit } from "./quotas";

it("reads limits as the command line does", () => {
  expect(["500", "64K", "20m", "5G", "2T", " 7 "].map(parseLimit)).toEqual([500, 65_536, 20_971_520, 5 * 1024 ** 3, 2 * 1024 ** 4, 7]);
  expect(parseLimit("")).toBeNull();
  for (const wrong of ["x", "-1", "1.5G", "1e3", "5 G", "9999999999999T"]) expect(parseLimit(wrong), wrong).toBeUndefined();
});

it("writes what it reads", () => {
  for (const text of ["0", "500", "64K", "5G", "1025", "1536K"]) expect(limitText(parseLimit(text))).toBe(text);
  expect(limitText(undefined)).toBe("");
});

it("tells the server only what is new", () => {
  const before = { devices: 5, users: 2 };
  expect(changedLimits(before, { devices: "5", users: "" })).toEqual({ users: null });
  expect(changedLimits(before, { devices: "6", users: "2", artifact_bytes: "1G" })).toEqual({ devices: 6, artifact_bytes: 1024 ** 3 });
  expect(changedLimits(before, { devices: "many" })).toBeUndefined();
});

it("shows how full it is", () => {
  expect(filledPermille({ used: 5, limit: 10 })).toBe(500);
  expect(filledPermille({ used: 50, limit: 10 })).toBe(1000);
  expect(filledPermille({ used: 0, limit: 0 })).toBe(1000);
  expect(filledPermille({ limit: 10 })).toBeUndefined();
  expect(amountText("devices", 12_345)).toBe("12,345");
  expect(amountText("log_bytes", 1_048_576)).toBe("1.0 MiB");
});
