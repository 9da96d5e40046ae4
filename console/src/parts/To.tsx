import { Anchor, type AnchorProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { type ComponentPropsWithoutRef, forwardRef } from "react";

type Props = AnchorProps & Omit<ComponentPropsWithoutRef<"a">, keyof AnchorProps>;

// A link to another page of the console.
export const To = createLink(forwardRef<HTMLAnchorElement, Props>((props, ref) => <Anchor inherit ref={ref} {...props} />));
