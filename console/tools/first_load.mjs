// What a browser fetches before it shows the first page: the document, its scripts with all that they import at once, its styles.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export function firstLoad(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const wanted = new Set(["index.html"]);
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    wanted.add(chunk.file);
    for (const style of chunk.css ?? []) wanted.add(style);
    for (const other of chunk.imports ?? []) visit(other);
  };
  for (const [key, chunk] of Object.entries(manifest)) if (chunk.isEntry) visit(key);
  return [...wanted].map((file) => ({ file, gzipBytes: gzipSync(readFileSync(join(folder, file)), { level: 9 }).length }));
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

// Fails above the budget: node tools/first_load.mjs DIST KILOBYTES
if (process.argv[1]?.endsWith("first_load.mjs")) {
  const budget = Number(process.argv[3]) * 1000;
  const files = firstLoad(process.argv[2]);
  const total = files.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
  for (const { file, gzipBytes } of files) console.log(`${kB(gzipBytes).padStart(10)}  ${file}`);
  console.log(`${kB(total).padStart(10)}  the first load, gzipped; the budget is ${kB(budget)}`);
  if (!(total <= budget)) process.exit(1);
}
