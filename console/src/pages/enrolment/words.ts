import type { EnrolmentToken } from "../../api/client";
import type { Tone } from "../../api/states";

// What a token is worth now, and when it came, or will come, to that. A used one does not expire any more.
export function standing({ used_ms: used, expires_ms: expires }: Pick<EnrolmentToken, "used_ms" | "expires_ms">, nowMs: number): { tone: Tone; word: string; ms: number } {
  if (used !== undefined) return { tone: "good", word: "Used", ms: used };
  if (expires <= nowMs) return { tone: "idle", word: "Expired", ms: expires };
  return { tone: "busy", word: "Open, expires", ms: expires };
}
