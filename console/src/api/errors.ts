// What the error numbers mean: docs/error-codes.md, loaded when it is first needed.
import { queryOptions } from "@tanstack/react-query";

// The last column of the rows "| number | name | kind | meaning |", by number, as plain text.
export function meaningsOf(markdown: string): Map<number, string> {
  const rows = markdown.matchAll(/^\| (\d{4,5}) \| [^|]+ \| [^|]+ \| (.+) \|$/gm);
  return new Map([...rows].map(([, number, meaning]) => [Number(number), meaning!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "")]));
}

export const errorMeaningsQuery = queryOptions({
  queryKey: ["error-meanings"],
  queryFn: async () => meaningsOf((await import("../../../docs/error-codes.md?raw")).default),
  staleTime: Number.POSITIVE_INFINITY,
});
