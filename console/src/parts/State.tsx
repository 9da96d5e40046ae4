import type { ReactNode } from "react";
import type { Deployment, Device, UpdateState } from "../api/client";
import { stateOf, type Tone } from "../api/states";
import classes from "./State.module.css";
import { percentText } from "./text";

// A word with a coloured dot: the colour never stands alone.
export function Dot({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`${classes.state} ${classes[tone]}`}>
      <span className={classes.dot} />
      {children}
    </span>
  );
}

export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`${classes.state} ${classes.pill} ${classes[tone]}`}>{children}</span>;
}

export function UpdateStateDot({ state }: { state: UpdateState }) {
  const meaning = stateOf(state);
  return <Dot tone={meaning.tone}>{meaning.label}</Dot>;
}

export function Bar({ permille, tone, label }: { permille: number; tone: Tone; label: string }) {
  return (
    <span className={`${classes.bar} ${classes[tone]}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.floor(permille / 10)}>
      <span className={classes.fill} style={{ width: `${permille / 10}%` }} />
    </span>
  );
}

// The state of a deployment; with a bar while bytes move.
export function DeploymentState({ deployment }: { deployment: Pick<Deployment, "id" | "state" | "progress_permille"> }) {
  const meaning = stateOf(deployment.state);
  const moving = !meaning.final && deployment.progress_permille !== undefined && meaning.step === 2;
  return (
    <span className="nowrap">
      <Dot tone={meaning.tone}>{meaning.label}</Dot>
      {moving && (
        <>
          {" "}
          <Bar permille={deployment.progress_permille!} tone="busy" label={`Progress of deployment ${deployment.id}`} />{" "}
          <span className="dim numbers">{percentText(deployment.progress_permille!)}</span>
        </>
      )}
    </span>
  );
}

const statuses: Record<Device["status"], [Tone, string]> = {
  accepted: ["good", "Accepted"],
  pending: ["warn", "Pending"],
  rejected: ["bad", "Rejected"],
};

// What an operator wants to know of a device first.
export function DeviceState({ device }: { device: Pick<Device, "status" | "deployment" | "problem"> }) {
  if (device.status === "accepted" && device.problem) return <Dot tone="bad">Needs help</Dot>;
  if (device.status === "accepted" && device.deployment) return <Dot tone="busy">Updating</Dot>;
  const [tone, label] = statuses[device.status];
  return <Dot tone={tone}>{label}</Dot>;
}
