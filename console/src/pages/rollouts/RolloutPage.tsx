import { Alert, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { MemberState, Rollout } from "../../api/client";
import { rolloutQuery } from "../../api/queries";
import { memberOrder, memberStates } from "../../api/rollouts";
import { Icon } from "../../parts/Icon";
import { Loaded } from "../../parts/Loaded";
import { Page, Panel } from "../../parts/Page";
import { Dot } from "../../parts/State";
import { Ago } from "../../parts/Time";
import { To } from "../../parts/To";
import { RolloutHealth } from "../health/Health";
import { Errors, Events, Plan } from "./Details";
import { MemberBar } from "./MemberBar";
import { Members } from "./Members";
import { Orders } from "./Orders";
import classes from "./Rollouts.module.css";
import { RolloutState } from "./RolloutTable";
import { shareText, soakText, waveState } from "./words";

const route = getRouteApi("/inside/rollouts/$id");

export function RolloutPage() {
  const id = Number(route.useParams().id);
  const query = useQuery(rolloutQuery(id));
  const [shown, setShown] = useState<MemberState>();
  return (
    <Page title={query.data?.name ?? `Rollout ${id}`} back={{ to: "/rollouts", label: "Rollouts" }} lead={query.data && <Lead rollout={query.data} />}>
      <Loaded query={query}>
        {(rollout) => (
          <>
            <Panel>
              <div className={classes.status}>
                <div className={classes.now}>
                  <RolloutState rollout={rollout} />
                </div>
                <Orders rollout={rollout} />
              </div>
              {rollout.reason && (
                <Alert mb="md" color={rollout.state === "paused" ? "yellow" : "red"} variant="light" icon={<Icon name="warning" />} title="Why it stopped">
                  {rollout.reason}
                </Alert>
              )}
              <MemberBar counts={rollout.counts} tall />
              <Counts counts={rollout.counts} shown={shown} show={setShown} />
            </Panel>
            <Waves rollout={rollout} />
            {rollout.errors.length > 0 && <Errors errors={rollout.errors} />}
            <RolloutHealth id={id} />
            <Members rollout={id} state={shown} all={() => setShown(undefined)} />
            <Events events={rollout.events} />
            <Plan rollout={rollout} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Lead({ rollout }: { rollout: Rollout }) {
  return (
    <>
      <To underline="always" to="/releases/$id" params={{ id: String(rollout.release) }}>
        {rollout.version}
      </To>{" "}
      to {rollout.group === undefined ? <code>{rollout.filter}</code> : `group ${rollout.group}`}
    </>
  );
}

function Counts({ counts, shown, show }: { counts: Rollout["counts"]; shown?: MemberState; show: (state?: MemberState) => void }) {
  return (
    <div className={classes.counts}>
      {memberOrder
        .filter((state) => (counts[state] ?? 0) > 0 || ["committed", "failed", "offered", "waiting"].includes(state))
        .map((state) => (
          <UnstyledButton key={state} className={classes.count} aria-pressed={shown === state} onClick={() => show(shown === state ? undefined : state)}>
            <span className={classes.number}>{(counts[state] ?? 0).toLocaleString("en")}</span>
            <Dot tone={memberStates[state].tone}>{memberStates[state].label}</Dot>
          </UnstyledButton>
        ))}
    </div>
  );
}

const waveClasses = { done: classes.waveDone, now: classes.waveNow, held: classes.waveHeld, "to come": "" };

function Waves({ rollout }: { rollout: Rollout }) {
  const waves = rollout.waves ?? [];
  return (
    <Panel title="Waves">
      <ol className={classes.waves}>
        {waves.map((wave, i) => {
          const number = i + 1;
          const state = waveState(rollout, number);
          const now = state === "now" || state === "held";
          return (
            <li key={number} className={`${classes.wave} ${waveClasses[state]}`} aria-current={now ? "step" : undefined}>
              {shareText(wave)}
              <div className="dim">
                {now && rollout.state === "soaking" && rollout.soak_until_ms !== undefined ? (
                  <>
                    next <Ago ms={rollout.soak_until_ms} />
                  </>
                ) : wave.soak_s ? (
                  `then ${soakText(wave.soak_s)} of watching`
                ) : (
                  ""
                )}
              </div>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}
