import { describe, expect, it } from "vitest";
import { authorityState, listState, pemFault, pemText } from "./words";

const block = (kind: string) => `-----BEGIN ${kind}-----\nMIIB\n-----END ${kind}-----\n`;
const certificate = block("CERTIFICATE");
const list = block("X509 CRL");
const day = 86_400_000;

describe("authorities in words", () => {
  it("counts what is in the file", () => {
    expect(pemText(certificate)).toBe("1 certificate");
    expect(pemText(certificate + list + certificate)).toBe("2 certificates, 1 revocation list");
  });

  it.each([
    ["a certificate", certificate, undefined],
    ["a certificate and a list", list + certificate, undefined],
    ["a key beside it", certificate + block("EC PRIVATE KEY"), /private key/],
    ["a key alone", block("PRIVATE KEY"), /private key/],
    ["a list alone", list, /no certificate/],
    ["a file that is not PEM", "0\u0082\u0001\ufffd", /no certificate/],
    ["1 MiB", certificate.padEnd(1_048_576), undefined],
    ["more than 1 MiB", certificate.padEnd(1_048_575) + "é", /larger/],
  ])("says what stands against %s", (_, pem, fault) => {
    if (fault) expect(pemFault(pem)).toMatch(fault);
    else expect(pemFault(pem)).toBeUndefined();
  });

  it.each([
    [0, "Expired"],
    [1, "Expires soon"],
    [30 * day, "Expires soon"],
    [30 * day + 1, "Good"],
  ])("an authority that is good for %d ms", (leftMs, label) => expect(authorityState(1e12 + leftMs, 1e12)[1]).toBe(label));

  it("a revocation list counts until its next update, or for ever if it names none", () => {
    expect(listState(undefined, 1e12)[0]).toBe("good");
    expect(listState(1e12 + 1, 1e12)[0]).toBe("good");
    expect(listState(1e12, 1e12)[0]).toBe("bad");
  });
});
