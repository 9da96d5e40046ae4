import { describe, expect, it } from "vitest";
import { countText, durationText, percentText, relativeText, sizeText, timeText } from "./text";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe("text", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [150 * 1024, "150 KiB"],
    [512 * 1024 * 1024, "512 MiB"],
    [3 * 1024 ** 5, "3072 TiB"],
  ])("size %d", (bytes, text) => expect(sizeText(bytes)).toBe(text));

  it.each([
    [0, "now"],
    [-30_000, "30 sec. ago"],
    [-3 * minute - 20_000, "3 min. ago"],
    [-2 * hour, "2 hr. ago"],
    [-day, "yesterday"],
    [3 * day, "in 3 days"],
    [-800 * day, "2 yr. ago"],
  ])("relative %d", (ms, text) => expect(relativeText(1e12 + ms, 1e12)).toBe(text));

  it.each([
    [-5, "0 ms"],
    [850, "850 ms"],
    [4210, "4.2 s"],
    [3 * minute + 20_000, "3 min 20 s"],
    [2 * hour + 5 * minute, "2 h 5 min"],
  ])("duration %d", (ms, text) => expect(durationText(ms)).toBe(text));

  it("counts in the right number", () => {
    expect(countText(1, "device")).toBe("1 device");
    expect(countText(12_345, "device")).toBe("12,345 devices");
  });

  it("never rounds an unfinished update up to 100%", () => expect(percentText(999)).toBe("99%"));

  it("writes times in the reader's zone", () => expect(timeText(new Date(2026, 10, 5, 4, 3, 2).getTime())).toBe("2026-11-05 04:03:02"));
});
