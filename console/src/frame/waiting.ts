import { useInfiniteQuery } from "@tanstack/react-query";
import { devicesQuery } from "../api/queries";

// How many devices wait to be let in; the first hundred are counted.
export function useWaiting(): number {
  const { data } = useInfiniteQuery(devicesQuery({ status: "pending" }));
  return data?.pages.reduce((sum, page) => sum + page.devices.length, 0) ?? 0;
}
