import { Button, Checkbox, Modal, Stack, Switch, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, take } from "../../api/client";
import { deliveriesQuery, webhooksQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
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
        {({ webhooks }) =>
          webhooks.length === 0 ? (
            <Empty icon="plug" title="No other program is told what happens" />
          ) : (
            <Table.ScrollContainer minWidth={0} type="native" tabIndex={0}>
              <Table aria-label="Webhooks">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Address</Table.Th>
                    <Table.Th className="wide">Told of</Table.Th>
                    <Table.Th>State</Table.Th>
                    <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {webhooks.map((webhook) => (
                    <Row key={webhook.id} webhook={webhook} />
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Loaded>
      <NewWebhook opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function stateText(webhook: Webhook): string {
  if (!webhook.active) return webhook.off_reason ? `off: ${webhook.off_reason}` : "off";
  return webhook.attempts > 0 ? `failing, ${webhook.attempts} attempts` : "on";
}

function Row({ webhook }: { webhook: Webhook }) {
  const client = useQueryClient();
  const [reading, read] = useDisclosure(false);
  const path = { params: { path: { id: webhook.id } } };
  const refresh = () => client.invalidateQueries({ queryKey: webhooksQuery.queryKey });
  const toggle = useMutation({ mutationFn: (active: boolean) => take(api.PUT("/api/v1/webhooks/{id}", { ...path, body: { active } })), onSuccess: refresh });
  return (
    <Table.Tr>
      <Table.Td>
        {webhook.url}
        {webhook.note && <div className="dim">{webhook.note}</div>}
      </Table.Td>
      <Table.Td className="wide">{webhook.events.join(", ")}</Table.Td>
      <Table.Td>
        <Switch label={stateText(webhook)} aria-label={`Webhook ${webhook.id} is on`} checked={webhook.active} disabled={toggle.isPending} onChange={(event) => toggle.mutate(event.currentTarget.checked)} />
      </Table.Td>
      <Table.Td ta="right">
        <Button size="compact-sm" variant="subtle" color="gray" onClick={read.open} aria-label={`Log of webhook ${webhook.id}`}>
          Log
        </Button>
        <ConfirmButton
          label="Delete…"
          button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Delete webhook ${webhook.id}` }}
          title="Delete this webhook?"
          action="Delete"
          run={async () => {
            await take(api.DELETE("/api/v1/webhooks/{id}", path));
            await refresh();
          }}
        >
          {webhook.url} is told nothing any more, and its log is deleted.
        </ConfirmButton>
        <Modal opened={reading} onClose={read.close} size="xl" title={`What was sent to ${webhook.url}`} closeButtonProps={{ "aria-label": "Close" }}>
          {reading && <Log id={webhook.id} />}
        </Modal>
      </Table.Td>
    </Table.Tr>
  );
}

function Log({ id }: { id: number }) {
  const query = useQuery(deliveriesQuery(id));
  return (
    <Loaded query={query}>
      {({ deliveries }) => (
        <Table aria-label="What was sent">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>When</Table.Th>
              <Table.Th>Message</Table.Th>
              <Table.Th ta="right">Attempt</Table.Th>
              <Table.Th>Answer</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {deliveries.map((delivery) => (
              <Table.Tr key={delivery.id}>
                <Table.Td className="numbers">{timeText(delivery.time_ms)}</Table.Td>
                <Table.Td>{delivery.message}</Table.Td>
                <Table.Td ta="right" className="numbers">{delivery.attempt}</Table.Td>
                <Table.Td>{delivery.status ?? delivery.error}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
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
