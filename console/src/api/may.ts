import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "./queries";
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "delete";
type OperationOf<Path extends keyof paths> = { [M in Method]: [paths[Path][M]] extends [undefined] ? never : `${Uppercase<M>} ${Path}` }[Method];
// As "POST /api/v1/groups": one that openapi.yaml describes.
export type Operation = { [Path in keyof paths]: OperationOf<Path> }[keyof paths];

// Whether who is logged in may call an operation. The server says it; what would be refused is not offered.
export function useMay(): (operation: Operation) => boolean {
  const operations = useQuery(sessionQuery).data?.operations;
  return (operation) => operations?.includes(operation) ?? false;
}
