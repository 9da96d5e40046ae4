import { describe, expect, it } from "vitest";
import { asFilter, hardwareFilter, quoted } from "./filter";

describe("asFilter", () => {
  it.each([
    ["", ""],
    ["  cam ", "name==*cam*"],
    ["cam-01", "name==*cam-01*"],
    ["two words", 'name=="*two words*"'],
    ['a"b', 'name=="*a\\"b*"'],
    ["a;b", 'name=="*a;b*"'],
    ["version=lt=2.4;tag==beta", "version=lt=2.4;tag==beta"],
    ["version<2", "version<2"],
    ["tag!=lab", "tag!=lab"],
  ])("%j", (typed, filter) => expect(asFilter(typed)).toBe(filter));
});

describe("quoted", () => {
  it.each([
    ["2.4.1", '"2.4.1"'],
    ['a"b', '"a\\"b"'],
    ["2.*", '"2.\\*"'],
    ["a\\b;c", '"a\\\\b;c"'],
  ])("%s", (value, text) => expect(quoted(value)).toBe(text));
});

describe("hardwareFilter", () => {
  it("asks for a device's words as they are, whatever a stranger has put into them", () => {
    expect(hardwareFilter("gateway", "rev-a")).toBe('product=="gateway";hardware=="rev-a"');
    expect(hardwareFilter('x",name==*,product=="y', "*")).toBe('product=="x\\",name==\\*,product==\\"y";hardware=="\\*"');
  });
});
