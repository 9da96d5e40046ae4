import { useDocumentTitle } from "@mantine/hooks";
import type { ReactNode } from "react";
import icon from "../../style/icon.svg";
import classes from "./Door.module.css";

// The frame of the pages in front of the console.
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useDocumentTitle(`${title} · Aloft`);
  return (
    <main id="main" className={classes.door}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <img src={icon} width={32} height={32} alt="" />
          <h1 className={classes.title}>{title}</h1>
        </div>
        {children}
      </div>
    </main>
  );
}
