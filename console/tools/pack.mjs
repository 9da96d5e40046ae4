// Writes the built console as one file that the server carries: node tools/pack.mjs DIST OUTPUT
//
// The file: the length in bytes of the index and a line feed; the index, JSON; the bytes. The index is
// {"files": [{"path", "type", "etag", "immutable", "plain"?, "gzip"?, "brotli"?}]}, the last three [offset, size] from the end of the index.
// Compressed once here, at the highest level, so that the server never compresses anything.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
const compressible = new Set([".js", ".css", ".svg"]);
// A file this small travels in one packet either way.
const smallestCompressedBytes = 1024;

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

export function pack(folder) {
  const files = [];
  const pieces = [];
  let size = 0;
  const put = (bytes) => {
    const place = [size, bytes.length];
    pieces.push(bytes);
    size += bytes.length;
    return place;
  };
  for (const name of filesBelow(folder)) {
    const path = "/" + relative(folder, name).replaceAll("\\", "/");
    if (path === "/manifest.json") continue; // the build's own notes
    const type = types[extname(name)];
    if (!type) throw new Error(`${path}: no media type is known for ${extname(name)}; add it to tools/pack.mjs`);
    const bytes = readFileSync(name);
    const file = { path, type, etag: createHash("sha256").update(bytes).digest("hex").slice(0, 24), immutable: path.startsWith("/assets/") };
    if (compressible.has(extname(name)) && bytes.length >= smallestCompressedBytes) {
      file.gzip = put(gzipSync(bytes, { level: 9 }));
      file.brotli = put(brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
    } else {
      file.plain = put(bytes);
    }
    files.push(file);
  }
  const index = Buffer.from(JSON.stringify({ files }));
  return Buffer.concat([Buffer.from(`${index.length}\n`), index, ...pieces]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(process.argv[3], pack(process.argv[2]));
