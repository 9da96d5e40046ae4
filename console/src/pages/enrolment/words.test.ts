import { describe, expect, it } from "vitest";
import { standing } from "./words";

describe("standing", () => {
  it.each([
    [{ expires_ms: 9 }, "Open, expires", 9],
    [{ expires_ms: 5 }, "Expired", 5],
    [{ expires_ms: 9, used_ms: 3 }, "Used", 3],
    [{ expires_ms: 4, used_ms: 3 }, "Used", 3],
  ])("%o", (token, word, ms) => expect(standing(token, 5)).toMatchObject({ word, ms }));
});
