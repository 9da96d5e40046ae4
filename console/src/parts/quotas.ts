// Quotas as people read and write them.
import type { Limits, Quota, QuotaName } from "../api/client";
import { sizeText } from "./text";

export const quotaNames: { name: QuotaName; label: string }[] = [
  { name: "devices", label: "Devices" },
  { name: "artifact_bytes", label: "Bytes of releases and deltas" },
  { name: "releases", label: "Releases" },
  { name: "rollouts", label: "Rollouts under way" },
  { name: "groups", label: "Groups" },
  { name: "users", label: "Users" },
  { name: "api_tokens", label: "API tokens" },
  { name: "enrolment_tokens", label: "Unused enrolment tokens" },
  { name: "webhooks", label: "Webhooks" },
  { name: "log_bytes", label: "Bytes of devices' logs" },
  { name: "requests_per_s", label: "Requests a second" },
];

export function quotaLabel(name: QuotaName): string {
  return quotaNames.find((quota) => quota.name === name)?.label ?? name;
}

const isBytes = (name: QuotaName) => name.endsWith("_bytes");

export function amountText(name: QuotaName, amount: number): string {
  return isBytes(name) ? sizeText(amount) : amount.toLocaleString("en");
}

// 0 to 1000; more than is allowed is full.
export function filledPermille({ used, limit }: Pick<Quota, "used" | "limit">): number | undefined {
  if (used === undefined || limit === undefined) return undefined;
  return limit === 0 ? 1000 : Math.min(1000, Math.round((used / limit) * 1000));
}

// "20G" as aloft takes it, in full where no unit fits.
export function limitText(limit: number | null | undefined): string {
  if (limit === undefined || limit === null) return "";
  const units = ["", "K", "M", "G", "T"];
  let value = limit;
  let unit = 0;
  while (value >= 1024 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${units[unit]}`;
}

// Null where the text is empty; undefined where it is no number.
export function parseLimit(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const match = /^(\d{1,15})([KMGT]?)$/i.exec(trimmed);
  if (!match) return undefined;
  const value = Number(match[1]) * 1024 ** ["", "K", "M", "G", "T"].indexOf(match[2]!.toUpperCase());
  return Number.isSafeInteger(value) ? value : undefined;
}

// What has to be told to the server for what a form says; undefined where a text is no number.
export function changedLimits(before: Limits, form: Partial<Record<QuotaName, string>>): Limits | undefined {
  const change: Limits = {};
  for (const { name } of quotaNames) {
    const wanted = parseLimit(form[name] ?? "");
    if (wanted === undefined) return undefined;
    if (wanted !== (before[name] ?? null)) change[name] = wanted;
  }
  return change;
}
