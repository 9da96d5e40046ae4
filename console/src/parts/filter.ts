// Filters in RSQL, as docs/filters.md describes them.

// A value as it may stand in a filter.
export function quoted(value: string): string {
  return `"${value.replace(/["\\*]/g, "\\$&")}"`;
}

// The devices of one hardware revision. Both words are the devices' own, so anybody's.
export function hardwareFilter(product: string, hardware: string): string {
  return `product==${quoted(product)};hardware==${quoted(hardware)}`;
}

// Somebody who types a word looks for devices whose name has it; everything else is a filter.
export function asFilter(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "" || /[=<>!]/.test(trimmed)) return trimmed;
  return /^[\w.-]+$/.test(trimmed) ? `name==*${trimmed}*` : `name=="*${trimmed.replace(/["\\]/g, "\\$&")}*"`;
}
