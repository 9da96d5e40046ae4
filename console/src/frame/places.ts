import type { Operation } from "../api/may";
import type { IconName } from "../parts/Icon";

export interface Place {
  to: "/" | "/devices" | "/groups" | "/rollouts" | "/releases" | "/deployments" | "/enrolment" | "/hawkbit" | "/device-types" | "/audit" | "/tenants" | "/settings";
  label: string;
  icon: IconName;
  key: string; // pressed after g
  asks?: Operation; // what it shows, where not everybody may look
  service?: boolean; // only where tenants are looked after
}

// The navigation, in the order in which a fleet is run.
export const places: Place[] = [
  { to: "/", label: "Overview", icon: "overview", key: "o" },
  { to: "/devices", label: "Devices", icon: "devices", key: "d" },
  { to: "/groups", label: "Groups", icon: "groups", key: "p" },
  { to: "/releases", label: "Releases", icon: "releases", key: "r" },
  { to: "/rollouts", label: "Rollouts", icon: "rollouts", key: "l" },
  { to: "/deployments", label: "Deployments", icon: "deployments", key: "u" },
  { to: "/enrolment", label: "Enrolment", icon: "enrolment", key: "e" },
  { to: "/hawkbit", label: "hawkBit devices", icon: "plug", key: "h" },
  { to: "/device-types", label: "Device types", icon: "types", key: "t" },
  { to: "/audit", label: "Audit log", icon: "audit", key: "a", asks: "GET /api/v1/audit" },
  { to: "/tenants", label: "Tenants", icon: "tenants", key: "n", asks: "GET /api/v1/tenants", service: true },
  { to: "/settings", label: "Settings", icon: "settings", key: "s" },
];
