// The console's pages: the same list as in src/server/pages.cpp and docs/openapi.yaml. Each page is loaded when it is first opened.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { sessionQuery } from "./api/queries";
import { Frame } from "./frame/Frame";
import { Broken, Nowhere } from "./frame/Nowhere";

const root = createRootRouteWithContext<{ client: QueryClient }>()({ notFoundComponent: Nowhere, errorComponent: Broken });

// Everything but the ways in needs a session.
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Frame,
  beforeLoad: async ({ context, location }) => {
    const session = await context.client.ensureQueryData(sessionQuery);
    if (!session) throw redirect({ to: "/login", search: location.pathname === "/" ? {} : { next: location.href } });
  },
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({
    // Only a path of this console; anything else could lead elsewhere.
    next: typeof search.next === "string" && /^\/[a-z]/.test(search.next) ? search.next : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/login/Login"), "Login"),
});

const setup = createRoute({ getParentRoute: () => root, path: "/setup", component: lazyRouteComponent(() => import("./pages/login/Setup"), "Setup") });

const overview = createRoute({ getParentRoute: () => inside, path: "/", component: lazyRouteComponent(() => import("./pages/overview/Overview"), "Overview") });

const statuses = ["pending", "accepted", "rejected"] as const;
export interface DevicesSearch {
  status?: (typeof statuses)[number];
  q?: string;
}
const devices = createRoute({
  getParentRoute: () => inside,
  path: "/devices",
  validateSearch: (search: Record<string, unknown>): DevicesSearch => ({
    status: statuses.find((status) => status === search.status),
    q: typeof search.q === "string" && search.q !== "" ? search.q : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/devices/Devices"), "Devices"),
});
const device = createRoute({ getParentRoute: () => inside, path: "/devices/$name", component: lazyRouteComponent(() => import("./pages/device/DevicePage"), "DevicePage") });

const groups = createRoute({ getParentRoute: () => inside, path: "/groups", component: lazyRouteComponent(() => import("./pages/groups/Groups"), "Groups") });

const releases = createRoute({ getParentRoute: () => inside, path: "/releases", component: lazyRouteComponent(() => import("./pages/releases/Releases"), "Releases") });
const release = createRoute({ getParentRoute: () => inside, path: "/releases/$id", component: lazyRouteComponent(() => import("./pages/releases/ReleasePage"), "ReleasePage") });

const rollouts = createRoute({ getParentRoute: () => inside, path: "/rollouts", component: lazyRouteComponent(() => import("./pages/rollouts/Rollouts"), "Rollouts") });
export interface NewRolloutSearch {
  q?: string;
  release?: number;
}
const newRollout = createRoute({
  getParentRoute: () => inside,
  path: "/rollouts/new",
  validateSearch: (search: Record<string, unknown>): NewRolloutSearch => ({
    q: typeof search.q === "string" && search.q !== "" ? search.q : undefined,
    release: typeof search.release === "number" ? search.release : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/rollouts/NewRollout"), "NewRollout"),
});
const rollout = createRoute({ getParentRoute: () => inside, path: "/rollouts/$id", component: lazyRouteComponent(() => import("./pages/rollouts/RolloutPage"), "RolloutPage") });

export interface DeploymentsSearch {
  show?: "active" | "finished";
}
const deployments = createRoute({
  getParentRoute: () => inside,
  path: "/deployments",
  validateSearch: (search: Record<string, unknown>): DeploymentsSearch => ({
    show: search.show === "active" || search.show === "finished" ? search.show : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/deployments/Deployments"), "Deployments"),
});
const deployment = createRoute({ getParentRoute: () => inside, path: "/deployments/$id", component: lazyRouteComponent(() => import("./pages/deployments/DeploymentPage"), "DeploymentPage") });

const enrolment = createRoute({ getParentRoute: () => inside, path: "/enrolment", component: lazyRouteComponent(() => import("./pages/enrolment/Enrolment"), "Enrolment") });
const hawkbit = createRoute({ getParentRoute: () => inside, path: "/hawkbit", component: lazyRouteComponent(() => import("./pages/hawkbit/Hawkbit"), "Hawkbit") });
const audit = createRoute({ getParentRoute: () => inside, path: "/audit", component: lazyRouteComponent(() => import("./pages/audit/Audit"), "Audit") });
const deviceTypes = createRoute({ getParentRoute: () => inside, path: "/device-types", component: lazyRouteComponent(() => import("./pages/types/DeviceTypes"), "DeviceTypes") });
const tenants = createRoute({ getParentRoute: () => inside, path: "/tenants", component: lazyRouteComponent(() => import("./pages/tenants/Tenants"), "Tenants") });
const settings = createRoute({ getParentRoute: () => inside, path: "/settings", component: lazyRouteComponent(() => import("./pages/settings/Settings"), "Settings") });

const tree = root.addChildren([login, setup, inside.addChildren([overview, devices, device, groups, releases, release, rollouts, newRollout, rollout, deployments, deployment, enrolment, hawkbit, deviceTypes, audit, tenants, settings])]);

export function newRouter(client: QueryClient) {
  return createRouter({ routeTree: tree, context: { client }, defaultPreload: "intent", scrollRestoration: true });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
