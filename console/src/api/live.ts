// Follows one deployment by server-sent events, and keeps its query up to date.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Deployment, Transition } from "./client";
import { deploymentQuery } from "./queries";

export type DeploymentWithTransitions = Deployment & { transitions: Transition[] };

// The deployment after a transition; unchanged when it was known already.
export function withTransition(before: DeploymentWithTransitions, transition: Transition): DeploymentWithTransitions {
  if (before.transitions.some((known) => known.id === transition.id)) return before;
  return {
    ...before,
    state: transition.state,
    error: transition.error,
    message: transition.message,
    progress_permille: transition.progress_permille,
    changed_ms: transition.received_ms,
    transitions: [...before.transitions, transition],
  };
}

export function useLiveDeployment(id: number, running: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!running) return;
    const source = new EventSource(`/api/v1/deployments/${id}/events`);
    source.addEventListener("transition", (event) => {
      const transition = JSON.parse(event.data) as Transition;
      client.setQueryData(deploymentQuery(id).queryKey, (before) => before && withTransition(before, transition));
    });
    source.addEventListener("end", () => {
      source.close();
      void client.invalidateQueries({ queryKey: ["deployments"] });
      void client.invalidateQueries({ queryKey: ["devices"] });
    });
    return () => source.close();
  }, [client, id, running]);
}
