import { expect, it } from "vitest";
import markdown from "../../../docs/error-codes.md?raw";
import { meaningsOf } from "./errors";

it("reads every row of the list, as plain text", () => {
  const meanings = meaningsOf(markdown);
  expect(meanings.size).toBe(markdown.match(/^\| \d/gm)!.length);
  expect(meanings.get(6002)).toMatch(/^the new system failed its health check/);
  expect([...meanings.values()].filter((meaning) => /`|\]\(/.test(meaning))).toEqual([]);
});
