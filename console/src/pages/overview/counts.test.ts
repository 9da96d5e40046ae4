import { describe, expect, it } from "vitest";
import { quoted } from "./counts";

describe("quoted", () => {
  it.each([
    ["2.4.1", '"2.4.1"'],
    ['a"b', '"a\\"b"'],
    ["2.*", '"2.\\*"'],
    ["a\\b;c", '"a\\\\b;c"'],
  ])("%s", (value, text) => expect(quoted(value)).toBe(text));
});
