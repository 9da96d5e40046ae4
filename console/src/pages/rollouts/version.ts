import { useQuery } from "@tanstack/react-query";
import { releaseQuery } from "../../api/queries";

// What a release is called; by its number until the rest is known, and when it is gone.
export function useVersion(release: number | undefined): string {
  const { data } = useQuery({ ...releaseQuery(release ?? 0), enabled: release !== undefined });
  return data?.version ?? `release ${release}`;
}
