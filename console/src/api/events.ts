// Follows the changes of the whole fleet by server-sent events, and has what is shown asked for anew.
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

// What an event of the stream makes stale.
export const staleBy: Record<string, string[]> = {
  device: ["devices"],
  deployment: ["deployments", "devices"],
  rollout: ["rollouts"],
  groups: ["groups", "tags"],
};

// A busy fleet tells of many changes at once; each list is asked for at most once in this time.
const flushMs = 1_000;

export class Stale {
  private readonly keys = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  constructor(private readonly flush: (keys: string[]) => void) {}

  add(keys: readonly string[]): void {
    for (const key of keys) this.keys.add(key);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const now = [...this.keys];
      this.keys.clear();
      this.flush(now);
    }, flushMs);
  }
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

function invalidate(client: QueryClient, keys: string[]): void {
  for (const key of keys) void client.invalidateQueries({ queryKey: [key] });
}

export function useLiveFleet(): void {
  const client = useQueryClient();
  useEffect(() => {
    const stale = new Stale((keys) => invalidate(client, keys));
    const source = new EventSource("/api/v1/events");
    for (const [event, keys] of Object.entries(staleBy)) source.addEventListener(event, () => stale.add(keys));
    source.addEventListener("reset", () => stale.add(Object.values(staleBy).flat()));
    return () => {
      source.close();
      stale.stop();
    };
  }, [client]);
}
