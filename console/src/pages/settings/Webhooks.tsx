import { Button, Checkbox, Modal, Stack, Switch, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import { deliveriesQuery, webhooksQuery } from "../../api/queries";
import { RowConfirm, rowButton } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { ErrorNote } from "../../parts/ErrorNote";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { timeText } from "../../parts/text";

type Webhook = Schemas["Webhook"];
type Event = Schemas["WebhookEvent"];

const events: { value: Event; label: string }[] = [
  { value: "rollout", label: "Rollouts: start, waves, broken gates, end" },
  { value: "deployment", label: "Deployments that have ended" },
  { value: "audit", label: "The audit log" },
];

export function Webhooks() {
  const query = useQuery(webhooksQuery);
  const [making, make] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Panel title="Webhooks" flush aside={<Button size="compact-sm" onClick={make.open}>New webhook…</Button>}>
      {secret && (
        <SecretNote title="The webhook's secret" secret={secret}>
          Its receiver checks <code>X-Aloft-Signature</code> with it.
        </SecretNote>
      )}
      <Loaded query={query} rows={2}>
        {({ webhooks }) => (
          <DataTable
            label="Webhooks"
            rows={webhooks}
            rowKey={({ id }) => id}
            empty={<Empty icon="plug" title="No other program is told what happens" />}
            columns={[
              { head: "Address", cell: ({ url, note }) => <>{url}{note && <div className="dim">{note}</div>}</> },
              { head: "Told of", phone: "out", cell: ({ events: told }) => told.join(", ") },
              { head: "State", cell: (webhook) => <OnOff webhook={webhook} /> },
              { phone: "below", cell: (webhook) => <Acts webhook={webhook} /> },
            ]}
          />
        )}
      </Loaded>
      <NewWebhook opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function stateText(webhook: Webhook): string {
  if (!webhook.active) return webhook.off_reason ? `off: ${webhook.off_reason}` : "off";
  return webhook.attempts > 0 ? `failing, ${webhook.attempts} attempts` : "on";
}

const pathOf = ({ id }: Webhook) => ({ params: { path: { id } } });

function useRefresh() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
}

function OnOff({ webhook }: { webhook: Webhook }) {
  const toggle = useMutation({ mutationFn: (active: boolean) => take(api.PUT("/api/v1/webhooks/{id}", { ...pathOf(webhook), body: { active } })), onSuccess: useRefresh() });
  return (
    <>
      <Switch label={stateText(webhook)} aria-label={`Webhook ${webhook.id} is on`} checked={webhook.active} disabled={toggle.isPending} onChange={(event) => toggle.mutate(event.currentTarget.checked)} />
      {toggle.isError && <ErrorNote error={toggle.error} />}
    </>
  );
}

function Acts({ webhook }: { webhook: Webhook }) {
  const [reading, read] = useDisclosure(false);
  const refresh = useRefresh();
  const remove = async () => {
    await take(api.DELETE("/api/v1/webhooks/{id}", pathOf(webhook)));
    await refresh();
  };
  return (
    <>
      <Button {...rowButton} onClick={read.open} aria-label={`Log of webhook ${webhook.id}`}>
        Log
      </Button>
      <RowConfirm act="Delete" what={`webhook ${webhook.id}`} run={remove}>
        {webhook.url} is told nothing any more, and its log is deleted.
      </RowConfirm>
      <Modal opened={reading} onClose={read.close} size="xl" title={`What was sent to ${webhook.url}`} closeButtonProps={{ "aria-label": "Close" }}>
        {reading && <Log id={webhook.id} />}
      </Modal>
    </>
  );
}

function Log({ id }: { id: number }) {
  const query = useQuery(deliveriesQuery(id));
  return (
    <Loaded query={query}>
      {({ deliveries }) => (
        <DataTable
          label="What was sent"
          rows={deliveries}
          rowKey={(delivery) => delivery.id}
          columns={[
            { head: "When", cell: ({ time_ms: time }) => timeText(time) },
            { head: "Message", phone: "below", cell: ({ message }) => message },
            { head: "Attempt", right: true, cell: ({ attempt }) => attempt },
            { head: "Answer", phone: "below", cell: ({ status, error }) => status ?? error },
          ]}
        />
      )}
    </Loaded>
  );
}

function NewWebhook({ opened, close, made }: { opened: boolean; close: () => void; made: (secret: string) => void }) {
  const [url, setUrl] = useState("");
  const [note, setNote] = useState("");
  const [chosen, setChosen] = useState<string[]>(["rollout"]);
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/webhooks", { body: { url, note, events: chosen as Event[] } })),
    onSuccess: async ({ secret }) => {
      made(secret);
      setUrl("");
      setNote("");
      close();
      await client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
    },
  });
  return (
    <FormDialog opened={opened} title="New webhook" close={close} action={create} submit="Make the webhook" disabled={chosen.length === 0}>
      <TextInput type="url" label="Address" description="As https://hooks.example.com/aloft" required maxLength={2048} value={url} onChange={(event) => setUrl(event.currentTarget.value)} data-autofocus />
      <Checkbox.Group label="Told of" value={chosen} onChange={setChosen}>
        <Stack gap="xs" mt="xs">
          {events.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Stack>
      </Checkbox.Group>
      <TextInput label="Note" maxLength={128} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
    </FormDialog>
  );
}
