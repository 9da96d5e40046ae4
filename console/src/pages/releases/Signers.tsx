import { Tooltip } from "@mantine/core";
import type { Release } from "../../api/client";
import { Pill } from "../../parts/State";

// The common name of a certificate's subject, or all of it. "CN=Release key,O=Example" and "/O=Example/CN=Release key" are both in use.
export function commonName(subject: string): string {
  const found = /(?:^|[,/+]\s*)CN\s*=\s*((?:\\.|[^,/+\\])+)/.exec(subject);
  return found ? found[1]!.trim() : subject;
}

export function Signers({ release }: { release: Pick<Release, "signers" | "verified"> }) {
  const hint = release.verified ? "This server has checked the signature against its trust anchors" : "This server has no trust anchors (--trust); devices check the signature themselves";
  return (
    <span className="nowrap">
      {release.signers.map(commonName).join(", ") || "unknown"}{" "}
      <Tooltip label={hint}>
        <span tabIndex={0}>
          <Pill tone={release.verified ? "good" : "idle"}>{release.verified ? "verified" : "not checked here"}</Pill>
        </span>
      </Tooltip>
    </span>
  );
}
