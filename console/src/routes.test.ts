import { QueryClient } from "@tanstack/react-query";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { newRouter } from "./routes";

// "/devices/{name}" of the API's description is "/devices/$name" here.
function describedPages(): string[] {
  const text = readFileSync(new URL("../../docs/openapi.yaml", import.meta.url), "utf8");
  const paths = text.split(/^(?= {2}\/)/m).filter((part) => /tags: \[console\]/.test(part));
  return paths.map((part) => /^ {2}(\/[^:]*):/.exec(part)![1]!.replace(/\{(\w+)\}/g, "$$$1")).filter((path) => !path.startsWith("/assets/"));
}

it("has the pages that the server serves, and no others", () => {
  const routes = Object.keys(newRouter(new QueryClient()).routesByPath);
  expect(routes.sort()).toEqual(describedPages().sort());
});
