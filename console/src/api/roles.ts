import { useQuery } from "@tanstack/react-query";
import type { Role } from "./client";
import { sessionQuery } from "./queries";

// Whether who is logged in has the role; administrators have every one.
export function useMay(role: Role): boolean {
  return useQuery(sessionQuery).data?.roles.some((one) => one === role || one === "admin") ?? false;
}
