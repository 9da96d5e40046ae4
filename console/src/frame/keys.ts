// Keys that work on every page: g and a letter go somewhere, / goes to the query bar, ? shows them all.
import { useEffect } from "react";

export type KeyAction = { kind: "go"; key: string } | { kind: "search" } | { kind: "help" };

const leaderMs = 1_200;

// Follows what is typed; yields an action when a key or a pair of keys means one.
export class KeyReader {
  private leaderAt = -Infinity;
  constructor(private readonly letters: ReadonlySet<string>) {}

  read(key: string, nowMs: number): KeyAction | undefined {
    const led = nowMs - this.leaderAt <= leaderMs;
    this.leaderAt = -Infinity;
    if (led && this.letters.has(key)) return { kind: "go", key };
    if (key === "g") this.leaderAt = nowMs;
    if (key === "/") return { kind: "search" };
    if (key === "?") return { kind: "help" };
    return undefined;
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest("input, textarea, select, [role=dialog], [role=menu]") !== null);
}

export function useKeys(letters: ReadonlySet<string>, act: (action: KeyAction) => void): void {
  useEffect(() => {
    const reader = new KeyReader(letters);
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const action = reader.read(event.key, event.timeStamp);
      if (!action) return;
      event.preventDefault();
      act(action);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [letters, act]);
}
