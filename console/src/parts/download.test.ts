import { expect, test } from "vitest";
import { downloadText } from "./download";

test("says what it cost and what it saved", () => {
  expect(downloadText({ method: "delta", fetched_bytes: 1 << 20, saved_bytes: 99 << 20 })).toBe("1.0 MiB by a delta from what ran, 99% less");
  expect(downloadText({ method: "full", fetched_bytes: 5 << 20, saved_bytes: 0 })).toBe("5.0 MiB by the whole bundle");
});
