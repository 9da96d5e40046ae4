// Follows the changes of the whole fleet by server-sent events, and has what is shown asked for anew.
import { focusManager, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

// What an event of the stream makes stale, by the first word of queries' keys.
export const staleBy: Record<string, string[]> = {
  device: ["devices"],
  deployment: ["deployments", "devices"],
  rollout: ["rollouts"],
  groups: ["groups", "tags"],
};
const all = Object.values(staleBy).flat();

// A busy fleet tells of many changes at once; each list is asked for at most once in this time.
const flushMs = 1_000;

export class Stale {
  private readonly keys = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  // What `flush` returns has its turn again.
  constructor(private readonly flush: (keys: string[]) => string[]) {}

  add(keys: readonly string[]): void {
    for (const key of keys) this.keys.add(key);
    if (this.keys.size === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const now = [...this.keys];
      this.keys.clear();
      this.add(this.flush(now));
    }, flushMs);
  }
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}

// Asks anew for the queries whose key begins so, or whose hash it is; a window that nobody sees does when it is looked at. What is on its way is not
// broken off, or a busy fleet would never be seen: it is returned, to be asked for again.
export function renew(client: QueryClient, keys: readonly string[]): string[] {
  const stale = client.getQueryCache().findAll({ predicate: ({ queryKey, queryHash }) => keys.includes(String(queryKey[0])) || keys.includes(queryHash) });
  const refetchType = focusManager.isFocused() ? "active" : "none";
  const underWay: string[] = [];
  for (const { queryKey, queryHash, state } of stale) {
    if (state.fetchStatus === "fetching") underWay.push(queryHash);
    else void client.invalidateQueries({ queryKey, exact: true, refetchType });
  }
  return underWay;
}

const reopenMs = 5_000;

// Tells what becomes stale until the signal says so.
function listen(tell: (keys: string[]) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let source: EventSource;
    let timer: ReturnType<typeof setTimeout>;
    const open = () => {
      source = new EventSource("/api/v1/events");
      for (const [event, keys] of Object.entries(staleBy)) source.addEventListener(event, () => tell(keys));
      source.addEventListener("reset", () => tell(all));
      // What happened before is not in it: while no window listened, for instance.
      source.addEventListener("open", () => tell(all));
      // A browser tries again by itself where the connection breaks, but gives up at an answer such as 503.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, reopenMs);
      });
    };
    signal.addEventListener("abort", () => {
      source.close();
      clearTimeout(timer);
      resolve();
    });
    open();
  });
}

// A browser holds at most six connections to a server over all its windows, and the stream takes one for as long as it lasts. So one window listens, the
// one that has the lock, and tells the others; when it is left the next one gets the lock.
const name = "aloft-events";

export function useLiveFleet(): void {
  const client = useQueryClient();
  useEffect(() => {
    const stale = new Stale((keys) => renew(client, keys));
    const others = new BroadcastChannel(name);
    others.onmessage = ({ data }: MessageEvent<string[]>) => stale.add(data);
    const tell = (keys: string[]) => {
      stale.add(keys);
      others.postMessage(keys);
    };
    const left = new AbortController();
    navigator.locks.request(name, { signal: left.signal }, () => listen(tell, left.signal)).catch(() => {}); // left before it was this window's turn
    return () => {
      left.abort();
      others.close();
      stale.stop();
    };
  }, [client]);
}
