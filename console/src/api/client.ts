// The server's API as docs/openapi.yaml describes it; the types are generated from there.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Device = Schemas["Device"];
export type Release = Schemas["Release"];
export type Deployment = Schemas["Deployment"];
export type Transition = Schemas["Transition"];
export type DeploymentWithTransitions = Deployment & { transitions: Transition[] };
export type EnrolmentToken = Schemas["EnrolmentToken"];
export type ApiToken = Schemas["ApiToken"];
export type Session = Schemas["Session"];
export type User = Schemas["User"];
export type Role = Schemas["Roles"][number];
export type Group = Schemas["Group"];
export type Quota = Schemas["Quota"];
export type QuotaName = Schemas["QuotaName"];
export type Limits = Schemas["Limits"];
export type Tenant = Schemas["Tenant"];
export type DeviceType = Schemas["DeviceType"];
export type DdiAuthorities = Schemas["DdiAuthorities"];
export type DdiGateway = Schemas["DdiGateway"];
export type Rollout = Schemas["Rollout"];
export type RolloutPlan = Schemas["RolloutPlan"];
export type MemberState = Schemas["MemberState"];
export type UpdateState = Schemas["UpdateState"];

// An answer of 400 and above, or none at all (status 0).
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly number: number,
    message: string,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
  // "E9060", as docs/error-codes.md lists it; "" when the server did not answer.
  get label(): string {
    return this.number > 0 ? `E${this.number}` : "";
  }
}

// The header lets the server tell this console from a foreign page that makes the browser send the session's cookie.
export const consoleHeader = { "X-Aloft-Console": "1" };

export const api = createClient<paths>({
  headers: consoleHeader,
  credentials: "same-origin",
  fetch: async (request) => {
    try {
      return await fetch(request);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, 0, "The server does not answer. It may be restarting, or the network is down.");
    }
  },
});

export function errorOf(status: number, body: unknown, retryAfter?: string | null): ApiError {
  const given = (body as Partial<Schemas["Error"]> | undefined)?.error;
  const seconds = retryAfter ? Number(retryAfter) : undefined;
  if (given && typeof given.number === "number") return new ApiError(status, given.number, String(given.message), seconds);
  return new ApiError(status, 0, `The server answered ${status} without saying why.`, seconds);
}

// What the call yields; throws ApiError.
export async function take<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(response.status, error, response.headers.get("Retry-After"));
  return data as T;
}
