import { focusManager, type InfiniteData, InfiniteQueryObserver, QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { renew, Stale } from "./events";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("Stale", () => {
  it("asks once for many changes, and again for later ones", () => {
    const flushed: string[][] = [];
    const stale = new Stale((keys) => (flushed.push(keys), []));
    for (let i = 0; i < 100; i += 1) stale.add(["devices"]);
    stale.add(["rollouts", "devices"]);
    vi.advanceTimersByTime(1_000);
    expect(flushed).toEqual([["devices", "rollouts"]]);
    stale.add(["groups"]);
    vi.advanceTimersByTime(5_000);
    expect(flushed).toEqual([["devices", "rollouts"], ["groups"]]);
  });

  it("asks no more when the page has been left", () => {
    const flush = vi.fn(() => []);
    const stale = new Stale(flush);
    stale.add(["devices"]);
    stale.stop();
    vi.advanceTimersByTime(5_000);
    expect(flush).not.toHaveBeenCalled();
  });
});

// Answers after `answerMs` with how often it was asked; a page of it is the number of the page.
function slowly(answerMs: number) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  let asked = 0;
  const answer = <T>(value: (asked: number) => T) => new Promise<T>((resolve) => {
    asked += 1;
    const now = asked;
    setTimeout(() => resolve(value(now)), answerMs);
  });
  return { client, stale: new Stale((keys) => renew(client, keys)), answer, asked: () => asked };
}

describe("renew", () => {
  it("lets slow answers arrive however busy the fleet is, and asks once more for what came in meanwhile", async () => {
    const { client, stale, answer } = slowly(2_500);
    const seen: number[] = [];
    const observer = new QueryObserver(client, { queryKey: ["devices", "list"], queryFn: () => answer((asked) => asked) });
    const leave = observer.subscribe(({ data }) => data !== undefined && data !== seen.at(-1) && seen.push(data));
    for (let i = 0; i < 20; i += 1) {
      stale.add(["devices"]);
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(seen).toEqual([1, 2, 3]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    leave();
  });

  it("lets the next page of a list arrive", async () => {
    const { client, stale, answer } = slowly(2_500);
    const options = { queryKey: ["devices", "list"], queryFn: ({ pageParam }: { pageParam: number }) => answer(() => pageParam), initialPageParam: 1, getNextPageParam: (last: number) => last + 1 };
    const observer = new InfiniteQueryObserver<number, Error, InfiniteData<number>, string[], number>(client, options);
    const leave = observer.subscribe(() => {});
    await vi.advanceTimersByTimeAsync(3_000);
    void observer.fetchNextPage();
    for (let i = 0; i < 10; i += 1) {
      stale.add(["devices"]);
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(observer.getCurrentResult().data?.pages).toEqual([1, 2]);
    leave();
    stale.stop();
  });

  it("asks for a window that nobody sees when somebody looks at it", async () => {
    const { client, stale, answer, asked } = slowly(100);
    client.mount();
    focusManager.setFocused(true);
    const observer = new QueryObserver(client, { queryKey: ["devices", "list"], queryFn: () => answer((now) => now), staleTime: 60_000 });
    const leave = observer.subscribe(() => {});
    await vi.advanceTimersByTimeAsync(500);
    focusManager.setFocused(false);
    stale.add(["devices"]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked()).toBe(1);
    focusManager.setFocused(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(asked()).toBe(2);
    focusManager.setFocused(undefined);
    leave();
    client.unmount();
  });
});
