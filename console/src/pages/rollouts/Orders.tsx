import { Button, NumberInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Rollout, take } from "../../api/client";
import { useMay } from "../../api/may";
import { sessionQuery } from "../../api/queries";
import { isUnderWay, type Order, rolloutStates } from "../../api/rollouts";
import { useAnnounce } from "../../parts/Announcer";
import { Confirm, ConfirmButton } from "../../parts/Confirm";
import { ErrorNote } from "../../parts/ErrorNote";
import { Icon } from "../../parts/Icon";
import classes from "./Rollouts.module.css";
import { useVersion } from "./version";

const path = (rollout: Rollout) => ({ params: { path: { id: rollout.id } } });

const questions: Record<Exclude<Order, "pause">, { label: string; dangerous?: boolean; text: string }> = {
  approve: { label: "Approve", text: "It can be started then. Whoever made it cannot approve it." },
  deny: { label: "Deny", dangerous: true, text: "It ends here; nothing has been offered to any device." },
  start: { label: "Start", text: "The first wave is offered to its devices at once." },
  resume: { label: "Resume", text: "It goes on. The gates count only what happens from now on." },
  finish: { label: "Finish", text: "It ends; no more devices join. What is under way goes on." },
  abort: { label: "Abort", dangerous: true, text: "It is withdrawn from all devices that have not ended. Those that have the new version keep it." },
  "roll-back": { label: "Roll back", dangerous: true, text: "It is withdrawn, and the devices that have committed go back to" },
};

// What can be done now; pausing needs no question, for it harms nothing and may be urgent.
export function Orders({ rollout }: { rollout: Rollout }) {
  const client = useQueryClient();
  const announce = useAnnounce();
  const give = async (order: Order) => {
    await take(api.POST(`/api/v1/rollouts/{id}/${order}`, path(rollout)));
    announce(`${rollout.name}: ${order.replace("-", " ")} done`);
    await client.invalidateQueries({ queryKey: ["rollouts"] });
  };
  const release = async () => {
    await take(api.POST("/api/v1/rollouts/{id}/release", path(rollout)));
    announce(`${rollout.name}: released`);
    await client.invalidateQueries({ queryKey: ["rollouts"] });
  };
  const may = useMay();
  const back = useVersion(rollout.rollback_release);
  const own = useQuery(sessionQuery).data?.user === rollout.created_by;
  const pause = useMutation({ mutationFn: () => give("pause") });
  const orders = rolloutStates[rollout.state].orders
    .filter((order) => may(`POST /api/v1/rollouts/{id}/${order}`))
    .filter((order) => (order !== "roll-back" || rollout.rollback_release !== undefined) && (order !== "approve" || !own));
  return (
    <>
      <div className={classes.orders}>
        {own && rollout.state === "awaiting-approval" && <span className="dim">Somebody else has to approve it.</span>}
        {orders.includes("pause") && (
          <Button size="lg" color="#bf3f0b" leftSection={<Icon name="pause" size={22} />} loading={pause.isPending} onClick={() => pause.mutate()}>
            Pause
          </Button>
        )}
        {orders.map((order) => {
          if (order === "pause") return null;
          const { label, dangerous, text } = questions[order];
          const first = ["start", "approve", "resume"].includes(order);
          return (
            <ConfirmButton
              key={order}
              label={`${label}…`}
              button={{ size: first ? "lg" : "sm", variant: first ? "filled" : "default" }}
              title={`${label} ${rollout.name}?`}
              action={label}
              dangerous={dangerous ?? false}
              run={() => give(order)}
            >
              {order === "roll-back" ? `${text} ${back}.` : text}
            </ConfirmButton>
          );
        })}
        {rollout.policy?.download_only && isUnderWay(rollout.state) && may("POST /api/v1/rollouts/{id}/release") && (
          <ConfirmButton label="Install…" button={{ size: "lg", variant: "filled" }} title={`Have ${rollout.name} installed?`} action="Install" run={release}>
            Devices that have downloaded it install it now; those whose turn comes later download and install. It cannot be taken back.
          </ConfirmButton>
        )}
        {["running", "soaking", "paused"].includes(rollout.state) && rollout.reached_permille < 1000 && may("POST /api/v1/rollouts/{id}/raise") && <Raise rollout={rollout} />}
      </div>
      {pause.isError && <ErrorNote error={pause.error} />}
    </>
  );
}

function Raise({ rollout }: { rollout: Rollout }) {
  const [opened, { open, close }] = useDisclosure(false);
  const [percent, setPercent] = useState<number | string>(Math.min(100, Math.ceil(rollout.reached_permille / 10) + 10));
  const client = useQueryClient();
  const raise = async () => {
    await take(api.POST("/api/v1/rollouts/{id}/raise", { ...path(rollout), body: { permille: Math.round(Number(percent) * 10) } }));
    await client.invalidateQueries({ queryKey: ["rollouts"] });
  };
  return (
    <>
      <Button variant="default" onClick={open}>
        Raise…
      </Button>
      <Confirm opened={opened} close={close} title={`Raise ${rollout.name}?`} action="Raise" run={raise}>
        <p>More of the target gets its turn at once, without waiting for waves. It cannot be taken back.</p>
        <NumberInput label="Up to" min={0.1} max={100} decimalScale={1} suffix=" %" value={percent} onChange={setPercent} />
      </Confirm>
    </>
  );
}
