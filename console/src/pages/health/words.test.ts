import { describe, expect, it } from "vitest";
import { changeText, healthGateText, hoursText, numberText, rebootsText } from "./words";

describe("health in words", () => {
  it("shows numbers as people read them", () => {
    expect(numberText(0.0123456)).toBe("0.01235");
    expect(numberText(81)).toBe("81");
    expect(hoursText(59 * 60)).toBe("59 min");
    expect(hoursText(7300)).toBe("2 h");
  });
  it("says what changed, and from nothing too", () => {
    expect(changeText(50, 60)).toBe("+20%");
    expect(changeText(50, 40)).toBe("−20%");
    expect(changeText(-50, -40)).toBe("+20%");
    expect(changeText(0, 0.1)).toBe("new");
    expect(changeText(3, 3)).toBe("same");
  });
  it("names the reboots that there were", () => {
    expect(rebootsText({ requested: 2, watchdog: 1, panic: 0 })).toBe("2 requested, 1 watchdog");
    expect(rebootsText({})).toBe("none");
  });
  it("says when a gate breaks", () => {
    expect(healthGateText({ measure: "crash-reboots", limit: 0.01, worse_percent: 50, min_devices: 20 })).toBe("Crash reboots per device-hour above 0.01 and higher by more than 50% than before, from 20 devices on");
    expect(healthGateText({ measure: "rate", worse: "lower", limit: 5 })).toBe("rate below 5, from 10 devices on");
  });
});
