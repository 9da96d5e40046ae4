// Who is logged in: what one has seen is not for whoever comes next.
import { hashKey, type QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";
import { sessionQuery, signOnQuery } from "./queries";

// `renew` lets the router decide anew what may be shown, when another is logged in, or nobody any more.
export function followSession(client: QueryClient, renew: () => Promise<void>): void {
  let user: string | undefined;
  client.getQueryCache().subscribe((event) => {
    if (event.type !== "updated") return;
    const { action, query } = event;
    // It has ended elsewhere, or expired.
    if (action.type === "error" && action.error instanceof ApiError && action.error.status === 401 && client.getQueryData(sessionQuery.queryKey)) endSession(client);
    if (action.type !== "success" || query.queryHash !== hashKey(sessionQuery.queryKey)) return;
    const before = user;
    user = client.getQueryData(sessionQuery.queryKey)?.user;
    if (before === undefined || before === user) return;
    const ofNobody = [sessionQuery, signOnQuery].map(({ queryKey }) => hashKey(queryKey));
    void renew().then(() => client.resetQueries({ predicate: ({ queryHash }) => !ofNobody.includes(queryHash) }));
  });
}

// The server knows it no longer.
export function endSession(client: QueryClient): void {
  client.setQueryData(sessionQuery.queryKey, null);
}
