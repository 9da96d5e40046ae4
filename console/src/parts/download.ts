import type { Schemas } from "../api/client";
import { sizeText } from "./text";

const methods: Record<Schemas["DownloadMethod"], string> = {
  full: "the whole bundle",
  delta: "a delta from what ran",
  reuse: "what the slots had",
  mixed: "several ways",
};

// How an update's bytes came: "2.1 MB by a delta from what ran, 98% less".
export function downloadText({ method, fetched_bytes, saved_bytes }: Schemas["Download"]): string {
  const whole = fetched_bytes + saved_bytes;
  const less = whole > 0 ? Math.floor((100 * saved_bytes) / whole) : 0;
  return `${sizeText(fetched_bytes)} by ${methods[method]}${less > 0 ? `, ${less}% less` : ""}`;
}
