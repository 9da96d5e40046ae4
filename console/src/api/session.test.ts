import { QueryClient } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import { ApiError, type Session } from "./client";
import { sessionQuery } from "./queries";
import { followSession } from "./session";

async function seen(user: string) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const renew = vi.fn(async () => {});
  followSession(client, renew);
  const login = (name: string | null) => client.setQueryData(sessionQuery.queryKey, name === null ? null : ({ user: name } as Session));
  login(user);
  client.setQueryData(["audit"], "what was done");
  await vi.waitFor(() => {});
  return { client, renew, login };
}

it("keeps what is seen while the same one is logged in", async () => {
  const { client, renew, login } = await seen("ann");
  login("ann");
  await client.fetchQuery({ queryKey: ["devices"], queryFn: () => Promise.reject(new ApiError(403, 9075, "may not")) }).catch(() => {});
  expect(renew).not.toHaveBeenCalled();
  expect(client.getQueryData(["audit"])).toBe("what was done");
});

it.each([null, "bob"])("forgets what was seen when %s follows", async (next) => {
  const { client, renew, login } = await seen("ann");
  login(next);
  await vi.waitFor(() => expect(client.getQueryData(["audit"])).toBeUndefined());
  expect(renew).toHaveBeenCalledOnce();
  expect(client.getQueryData(sessionQuery.queryKey)?.user).toBe(next ?? undefined);
});

it("takes a session that the server no longer knows for ended", async () => {
  const { client, renew } = await seen("ann");
  await client.fetchQuery({ queryKey: ["devices"], queryFn: () => Promise.reject(new ApiError(401, 9060, "log in")) }).catch(() => {});
  await vi.waitFor(() => expect(client.getQueryData(["audit"])).toBeUndefined());
  expect(client.getQueryData(sessionQuery.queryKey)).toBeNull();
  expect(renew).toHaveBeenCalledOnce();
});
