// One act on many devices, one after the other: each stands for itself, and what failed is told by name.
import { ApiError } from "../../api/client";

export interface Outcome {
  done: string[];
  failed: { name: string; error: ApiError }[];
  untried: string[];
}

interface Course {
  signal?: AbortSignal; // stops it between two devices: what is under way is waited for, so that its end is known
  progress?: (tried: number) => void;
}

export async function each(names: readonly string[], act: (name: string) => Promise<unknown>, { signal, progress }: Course = {}): Promise<Outcome> {
  const outcome: Outcome = { done: [], failed: [], untried: [...names] };
  while (outcome.untried.length > 0 && !signal?.aborted) {
    const name = outcome.untried.shift()!;
    try {
      await act(name);
      outcome.done.push(name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      outcome.failed.push({ name, error });
      if (error.status === 0 || error.status === 401) break; // the rest would fail in the same way
    }
    progress?.(names.length - outcome.untried.length);
  }
  return outcome;
}
