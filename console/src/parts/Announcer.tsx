import { Notification } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import classes from "./Announcer.module.css";
import { Icon } from "./Icon";

const shownMs = 6_000;
type Announcement = (text: string, how?: "done" | "failed") => void;
const Announce = createContext<Announcement>(() => {});

// Says for some seconds, to eyes and to screen readers, that something has been done; that it has failed until somebody puts it away.
export function useAnnounce(): Announcement {
  return useContext(Announce);
}

export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ text: string; failed: boolean; key: number }>();
  const announce = useCallback<Announcement>((text, how) => setSaid((before) => ({ text, failed: how === "failed", key: (before?.key ?? 0) + 1 })), []);
  useEffect(() => {
    if (!said || said.failed) return;
    const timer = setTimeout(() => setSaid(undefined), shownMs);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Announce.Provider value={announce}>
      {children}
      <div className={classes.place} role="status" aria-live="polite">
        {said && (
          <Notification key={said.key} withBorder color={said.failed ? "red" : "teal"} icon={<Icon name={said.failed ? "warning" : "check"} />} onClose={() => setSaid(undefined)} closeButtonProps={{ "aria-label": "Close the message" }}>
            {said.text}
          </Notification>
        )}
      </div>
    </Announce.Provider>
  );
}
