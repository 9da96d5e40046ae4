import { Notification } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import classes from "./Announcer.module.css";
import { Icon } from "./Icon";

const shownMs = 6_000;
const Announce = createContext<(text: string) => void>(() => {});

// Says for some seconds, to eyes and to screen readers, that something has been done.
export function useAnnounce(): (text: string) => void {
  return useContext(Announce);
}

export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ text: string; key: number }>();
  const announce = useCallback((text: string) => setSaid((before) => ({ text, key: (before?.key ?? 0) + 1 })), []);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(undefined), shownMs);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Announce.Provider value={announce}>
      {children}
      <div className={classes.place} role="status" aria-live="polite">
        {said && (
          <Notification key={said.key} withBorder color="teal" icon={<Icon name="check" />} onClose={() => setSaid(undefined)} closeButtonProps={{ "aria-label": "Close the message" }}>
            {said.text}
          </Notification>
        )}
      </div>
    </Announce.Provider>
  );
}
