import { useSyncExternalStore } from "react";
import { relativeText, timeText } from "./text";

// One clock for all times that are shown; it ticks while any of them is there.
const tickMs = 5_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  if (listeners.size === 0) now = Date.now();
  return useSyncExternalStore(subscribe, () => now);
}

// How long ago; the full time is behind it. 0: never.
export function Ago({ ms }: { ms: number }) {
  const current = useNow();
  if (ms === 0) return <span className="dim">never</span>;
  return (
    <time className="nowrap numbers" dateTime={new Date(ms).toISOString()} title={timeText(ms)}>
      {relativeText(ms, Math.max(current, 0))}
    </time>
  );
}
