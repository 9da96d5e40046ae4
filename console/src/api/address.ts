import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "./queries";

// As devices reach this server: what its operator has said (--url), else what this browser has come by.
export function useAddress(): string {
  return useQuery(sessionQuery).data?.url ?? location.origin;
}
