import type { Transition } from "../api/client";
import { stateOf } from "../api/states";
import { durationText, percentText, timeText } from "./text";
import classes from "./Timeline.module.css";

export interface Step {
  transition: Transition;
  // Reports of the same state in a row (progress) count as one step: the last one is shown.
  reports: number;
  tookMs?: number;
}

// The transitions as steps, oldest first. How long a step took is measured by the server's clock alone: devices' clocks may jump.
export function stepsOf(transitions: readonly Transition[]): Step[] {
  const steps: (Step & { beganMs: number })[] = [];
  for (const transition of transitions) {
    const last = steps.at(-1);
    if (last && last.transition.state === transition.state && last.transition.error === transition.error) {
      last.transition = transition;
      last.reports += 1;
      continue;
    }
    if (last) last.tookMs = transition.received_ms - last.beganMs;
    steps.push({ transition, reports: 1, beganMs: transition.received_ms });
  }
  return steps.map(({ transition, reports, tookMs }) => ({ transition, reports, tookMs }));
}

// Two clocks that differ by more than this are both shown.
const clockDriftMs = 120_000;

export function Timeline({ transitions }: { transitions: Transition[] }) {
  return (
    <ol className={classes.list}>
      {stepsOf(transitions).map(({ transition, reports, tookMs }) => {
        const meaning = stateOf(transition.state);
        const drift = transition.time_ms - transition.received_ms;
        return (
          <li key={transition.id} className={`${classes.item} ${classes[meaning.tone]}`}>
            <time className={classes.time} dateTime={new Date(transition.received_ms).toISOString()}>
              {timeText(transition.received_ms).slice(5)}
            </time>
            <div>
              <span className={classes.label}>{meaning.label}</span>{" "}
              <span className={classes.note}>
                {transition.from === "server" ? "by the server" : ""}
                {reports > 1 ? `${reports} reports` : ""}
                {transition.progress_permille !== undefined && meaning.step === 2 ? ` ${percentText(transition.progress_permille)}` : ""}
                {tookMs !== undefined && !meaning.final ? ` for ${durationText(tookMs)}` : ""}
              </span>
              {(transition.message || transition.error !== undefined) && (
                <p className={classes.message}>
                  {transition.error !== undefined && <code>E{transition.error} </code>}
                  {transition.message}
                </p>
              )}
              {Math.abs(drift) > clockDriftMs && transition.from === "device" && <p className={`${classes.message} ${classes.note}`}>By the device&apos;s clock: {timeText(transition.time_ms)}</p>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
