import { describe, expect, it } from "vitest";
import { commonName } from "./Signers";

describe("commonName", () => {
  it.each([
    ["CN=Test Signer", "Test Signer"],
    ["CN = Release key, O = Example", "Release key"],
    ["O=Example,CN=Release key", "Release key"],
    ["/O=Example/CN=Release key", "Release key"],
    ["O=Example", "O=Example"],
    ["O=NCN=5", "O=NCN=5"],
    ["", ""],
  ])("%s", (subject, name) => expect(commonName(subject)).toBe(name));
});
