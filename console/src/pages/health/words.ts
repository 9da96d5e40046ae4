// Health in words and numbers.
import type { Schemas } from "../../api/client";

export function numberText(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export function hoursText(seconds: number): string {
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600).toLocaleString("en")} h`;
}

export function rebootsText(reboots: Record<string, number>): string {
  const parts = Object.entries(reboots).filter(([, count]) => count > 0);
  return parts.length === 0 ? "none" : parts.map(([reason, count]) => `${count} ${reason}`).join(", ");
}

export function measureText(name: string): string {
  if (name === "crash-reboots") return "Crash reboots per device-hour";
  if (name === "unexpected-reboots") return "Unexpected reboots per device-hour";
  return name;
}

export function changeText(before: number, now: number): string {
  if (before === now) return "same";
  if (before === 0) return "new";
  const percent = ((now - before) / Math.abs(before)) * 100;
  return `${percent > 0 ? "+" : "−"}${numberText(Math.abs(percent))}%`;
}

export function healthGateText(gate: Schemas["HealthGate"]): string {
  const lower = gate.worse === "lower";
  const rules = [
    ...(gate.limit === undefined ? [] : [`${lower ? "below" : "above"} ${numberText(gate.limit)}`]),
    ...(gate.worse_percent === undefined ? [] : [`${lower ? "lower" : "higher"} by more than ${gate.worse_percent}% than before`]),
  ];
  return `${measureText(gate.measure)} ${rules.join(" and ")}, from ${gate.min_devices ?? 10} devices on`;
}
