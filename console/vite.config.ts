import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` shows the sources live against a server that runs: ALOFT_URL=https://localhost:8443 npm run dev
const server = process.env.ALOFT_URL ?? "https://localhost:8443";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    manifest: "manifest.json",
    assetsInlineLimit: 0, // the content security policy knows no data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700, // kB, not compressed; tools/first_load.mjs holds the budget that counts
  },
  server: { fs: { allow: [".."] }, proxy: { "/api": { target: server, secure: false } } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx", "tools/**/*.test.mjs"] },
});
