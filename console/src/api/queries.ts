// What the pages show, each as one query. Lists are asked for again at intervals; changes are told live, too (events.ts).
import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from "@tanstack/react-query";
import { api, ApiError, type MemberState, type RolloutPlan, take } from "./client";

const listRefreshMs = 5_000;
const liveRefreshMs = 1_500;
const pageSize = 100;

// Worth another try: no answer, or a server that says that it is busy.
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 503);
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { staleTime: 2_000, retry: (count, error) => count < 2 && isPassing(error), retryDelay: 1_000 },
      mutations: { retry: false },
    },
  });
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  // Null: nobody is logged in.
  queryFn: async ({ signal }) => {
    try {
      return await take(api.GET("/api/v1/session", { signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
  refetchOnWindowFocus: "always", // another window may have logged in somebody else
});

// What the login page offers besides the password. Why the last sign-in failed is told once, so it is asked for once.
export const signOnQuery = queryOptions({
  queryKey: ["sso"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/sso", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export interface DeviceFilter {
  q?: string; // RSQL, docs/filters.md
  status?: "pending" | "accepted" | "rejected";
}

export const devicesQuery = (filter: DeviceFilter) =>
  infiniteQueryOptions({
    queryKey: ["devices", "list", filter],
    queryFn: ({ signal, pageParam }) =>
      take(api.GET("/api/v1/devices", { params: { query: { ...filter, after: pageParam, limit: pageSize } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_after,
    refetchInterval: listRefreshMs,
  });

export const deviceQuery = (name: string) =>
  queryOptions({
    queryKey: ["devices", "one", name],
    queryFn: ({ signal }) => take(api.GET("/api/v1/devices/{name}", { params: { path: { name } }, signal })),
    refetchInterval: listRefreshMs,
  });

export const releasesQuery = infiniteQueryOptions({
  queryKey: ["releases", "list"],
  queryFn: ({ signal, pageParam }) => take(api.GET("/api/v1/releases", { params: { query: { before: pageParam, limit: pageSize } }, signal })),
  initialPageParam: undefined as number | undefined,
  getNextPageParam: (last) => last.next_before,
  refetchInterval: listRefreshMs,
});

export const releaseQuery = (id: number) =>
  queryOptions({
    queryKey: ["releases", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/releases/{id}", { params: { path: { id } }, signal })),
  });

export const deltasQuery = (release: number) =>
  queryOptions({
    queryKey: ["releases", "deltas", release],
    queryFn: ({ signal }) => take(api.GET("/api/v1/releases/{id}/deltas", { params: { path: { id: release } }, signal })),
    refetchInterval: listRefreshMs,
  });

export interface DeploymentFilter {
  device?: string;
  release?: number;
  active?: boolean;
}

export const deploymentsQuery = (filter: DeploymentFilter) =>
  infiniteQueryOptions({
    queryKey: ["deployments", "list", filter],
    queryFn: ({ signal, pageParam }) =>
      take(api.GET("/api/v1/deployments", { params: { query: { ...filter, before: pageParam, limit: pageSize } }, signal })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next_before,
    refetchInterval: listRefreshMs,
  });

export const deploymentQuery = (id: number) =>
  queryOptions({
    queryKey: ["deployments", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/deployments/{id}", { params: { path: { id } }, signal })),
    refetchInterval: listRefreshMs,
  });

export const deploymentLogQuery = (id: number) =>
  queryOptions({
    queryKey: ["deployments", "log", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/deployments/{id}/log", { params: { path: { id } }, parseAs: "text", signal })),
  });

export const enrolmentTokensQuery = queryOptions({
  queryKey: ["enrolment-tokens"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/enrolment-tokens", { signal })),
  refetchInterval: listRefreshMs,
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/tokens", { signal })),
});

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/groups", { signal })),
  refetchInterval: listRefreshMs,
});

export const tagsQuery = queryOptions({
  queryKey: ["tags"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/tags", { signal })),
});

// How many devices match; fails with the position of a mistake in the filter.
export const filterCheckQuery = (filter: string) =>
  queryOptions({
    queryKey: ["devices", "count", filter],
    queryFn: ({ signal }) => take(api.POST("/api/v1/filter-check", { body: { filter }, signal })),
    refetchInterval: listRefreshMs,
  });

export interface RolloutFilter {
  active?: boolean;
}

export const rolloutsQuery = (filter: RolloutFilter) =>
  infiniteQueryOptions({
    queryKey: ["rollouts", "list", filter],
    queryFn: ({ signal, pageParam }) => take(api.GET("/api/v1/rollouts", { params: { query: { ...filter, before: pageParam, limit: pageSize } }, signal })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next_before,
    refetchInterval: listRefreshMs,
  });

export const rolloutQuery = (id: number) =>
  queryOptions({
    queryKey: ["rollouts", "one", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/rollouts/{id}", { params: { path: { id } }, signal })),
    refetchInterval: liveRefreshMs,
  });

export const rolloutHealthQuery = (id: number) =>
  queryOptions({
    queryKey: ["rollouts", "health", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/rollouts/{id}/health", { params: { path: { id } }, signal })),
    refetchInterval: listRefreshMs,
  });

export const releaseHealthQuery = (id: number) =>
  queryOptions({
    queryKey: ["releases", "health", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/releases/{id}/health", { params: { path: { id } }, signal })),
    refetchInterval: 30_000,
  });

export const deviceHealthQuery = (name: string) =>
  queryOptions({
    queryKey: ["devices", "health", name],
    queryFn: ({ signal }) => take(api.GET("/api/v1/devices/{name}/health", { params: { path: { name } }, signal })),
    refetchInterval: listRefreshMs,
  });

export const rolloutDevicesQuery = (id: number, state?: MemberState) =>
  infiniteQueryOptions({
    queryKey: ["rollouts", "devices", id, state],
    queryFn: ({ signal, pageParam }) =>
      take(api.GET("/api/v1/rollouts/{id}/devices", { params: { path: { id }, query: { state, after: pageParam, limit: pageSize } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_after,
    refetchInterval: listRefreshMs,
  });

export const rolloutPreviewQuery = (plan: RolloutPlan) =>
  queryOptions({
    queryKey: ["rollouts", "preview", plan],
    queryFn: ({ signal }) => take(api.POST("/api/v1/rollout-preview", { body: plan, signal })),
    placeholderData: keepPreviousData,
  });

export const whyQuery = (name: string) =>
  queryOptions({
    queryKey: ["devices", "why", name],
    queryFn: ({ signal }) => take(api.GET("/api/v1/devices/{name}/why", { params: { path: { name } }, signal })),
    refetchInterval: listRefreshMs,
  });

// The newest deployments that have ended; enough for a chart of the last day in all but the busiest fleets.
export const recentlyEndedQuery = queryOptions({
  queryKey: ["deployments", "ended"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/deployments", { params: { query: { active: false, limit: 1000 } }, signal })),
  refetchInterval: 30_000,
});

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/users", { signal })),
  refetchInterval: listRefreshMs,
});

export const quotasQuery = queryOptions({
  queryKey: ["quotas"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/quotas", { signal })),
  refetchInterval: listRefreshMs,
});

export const tenantsQuery = queryOptions({
  queryKey: ["tenants"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/tenants", { signal })),
  refetchInterval: listRefreshMs,
});

export const deviceTypesQuery = queryOptions({
  queryKey: ["device-types"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/device-types", { signal })),
  refetchInterval: listRefreshMs,
});

export const ddiGatewaysQuery = queryOptions({
  queryKey: ["ddi", "gateways"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/ddi/gateways", { signal })),
  refetchInterval: listRefreshMs,
});

export const ddiAuthoritiesQuery = queryOptions({
  queryKey: ["ddi", "authorities"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/ddi/authorities", { signal })),
  refetchInterval: listRefreshMs,
});

export const ddiSettingsQuery = queryOptions({
  queryKey: ["ddi", "settings"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/ddi/settings", { signal })),
});

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks", "list"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/webhooks", { signal })),
  refetchInterval: listRefreshMs,
});

export const deliveriesQuery = (id: number) =>
  queryOptions({
    queryKey: ["webhooks", "deliveries", id],
    queryFn: ({ signal }) => take(api.GET("/api/v1/webhooks/{id}/deliveries", { params: { path: { id } }, signal })),
    refetchInterval: listRefreshMs,
  });

export const auditQuery = (user?: string) =>
  infiniteQueryOptions({
    queryKey: ["audit", user],
    queryFn: ({ signal, pageParam }) => take(api.GET("/api/v1/audit", { params: { query: { user, before: pageParam, limit: pageSize } }, signal })),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next_before,
    refetchInterval: listRefreshMs,
  });
