// One act on many devices, one after the other: each stands for itself, and what failed is told by name.
import { ApiError } from "../../api/client";

export interface Outcome {
  done: string[];
  failed: { name: string; error: ApiError }[];
}

export async function each(names: readonly string[], act: (name: string) => Promise<unknown>, progress?: (done: number) => void): Promise<Outcome> {
  const outcome: Outcome = { done: [], failed: [] };
  for (const name of names) {
    try {
      await act(name);
      outcome.done.push(name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      outcome.failed.push({ name, error });
      if (error.status === 0 || error.status === 401) break; // the rest would fail in the same way
    }
    progress?.(outcome.done.length + outcome.failed.length);
  }
  return outcome;
}
