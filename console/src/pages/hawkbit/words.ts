// What a file of authorities holds, and until when what counts.
import type { Tone } from "../../api/states";
import { countText } from "../../parts/text";

const maxPemBytes = 1_048_576;
const soonMs = 30 * 86_400_000;

const blocks = (pem: string, kind: string) => pem.split(`-----BEGIN ${kind}-----`).length - 1;

// Why the text cannot be sent; the server judges what is in the certificates.
export function pemFault(pem: string): string | undefined {
  if (pem.includes("PRIVATE KEY-----")) return "There is a private key in it, which is no server's business: give the certificates alone.";
  if (new TextEncoder().encode(pem).length > maxPemBytes) return "It is larger than 1 MiB.";
  if (blocks(pem, "CERTIFICATE") === 0) return "There is no certificate in PEM in it.";
  return undefined;
}

// "2 certificates, 1 revocation list".
export function pemText(pem: string): string {
  const lists = blocks(pem, "X509 CRL");
  return countText(blocks(pem, "CERTIFICATE"), "certificate") + (lists > 0 ? `, ${countText(lists, "revocation list")}` : "");
}

export function authorityState(notAfterMs: number, nowMs: number): [Tone, string] {
  if (notAfterMs <= nowMs) return ["bad", "Expired"];
  return notAfterMs - nowMs <= soonMs ? ["warn", "Expires soon"] : ["good", "Good"];
}

export function listState(nextUpdateMs: number | undefined, nowMs: number): [Tone, string] {
  return nextUpdateMs !== undefined && nextUpdateMs <= nowMs ? ["bad", "Too old: nothing of this authority counts"] : ["good", "Good"];
}
