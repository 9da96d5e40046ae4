import { Button, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type DdiGateway, take } from "../../api/client";
import { ddiGatewaysQuery } from "../../api/queries";
import { useMay } from "../../api/roles";
import { ConfirmButton } from "../../parts/Confirm";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Ago } from "../../parts/Time";
import { GivenToken } from "./GivenToken";

// Tokens that act for any device and bring new ones.
export function Gateways() {
  const query = useQuery(ddiGatewaysQuery);
  const mayChange = useMay("admin");
  const [making, make] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Panel
      title="Gateway tokens"
      flush
      aside={
        mayChange && (
          <Button size="compact-sm" onClick={make.open}>
            New gateway token…
          </Button>
        )
      }
    >
      {secret && (
        <SecretNote title="The new gateway token" secret={secret}>
          It acts for any device of hawkBit&apos;s protocol: give it out like a key. SWUpdate takes it with <code>-g</code>.
        </SecretNote>
      )}
      <Loaded query={query} rows={2}>
        {({ gateways }) =>
          gateways.length === 0 ? (
            <Empty icon="plug" title="No gateway token">
              One token that many devices share. Whoever shows it is registered by itself, with the token&apos;s product and hardware.
            </Empty>
          ) : (
            <GatewayTable gateways={gateways} mayChange={mayChange} />
          )
        }
      </Loaded>
      {making && <NewGateway close={make.close} made={setSecret} />}
    </Panel>
  );
}

function GatewayTable({ gateways, mayChange }: { gateways: DdiGateway[]; mayChange: boolean }) {
  const client = useQueryClient();
  const remove = async (id: number) => {
    await take(api.DELETE("/api/v1/ddi/gateways/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: ddiGatewaysQuery.queryKey });
  };
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Gateway tokens">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Note</Table.Th>
            <Table.Th>Product</Table.Th>
            <Table.Th>Hardware</Table.Th>
            <Table.Th className="wide">Made</Table.Th>
            <Table.Th className="wide">By</Table.Th>
            {mayChange && <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {gateways.map((gateway) => (
            <Table.Tr key={gateway.id}>
              <Table.Td>{gateway.note || <span className="dim">none</span>}</Table.Td>
              <Table.Td>{gateway.product}</Table.Td>
              <Table.Td>{gateway.hardware}</Table.Td>
              <Table.Td className="wide">
                <Ago ms={gateway.created_ms} />
              </Table.Td>
              <Table.Td className="wide">{gateway.created_by}</Table.Td>
              {mayChange && (
                <Table.Td ta="right">
                  <ConfirmButton
                    label="Delete…"
                    button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Delete gateway token ${gateway.id}` }}
                    title="Delete the gateway token?"
                    action="Delete"
                    run={() => remove(gateway.id)}
                  >
                    Devices that show it are refused from now on. Those that it brought stay registered; give them tokens of their own.
                  </ConfirmButton>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function NewGateway({ close, made }: { close: () => void; made: (secret: string) => void }) {
  const [note, setNote] = useState("");
  const [product, setProduct] = useState("");
  const [hardware, setHardware] = useState("");
  const [token, setToken] = useState("");
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/ddi/gateways", { body: { note, product, hardware, token: token || undefined } })),
    onSuccess: async (gateway) => {
      made(gateway.token);
      close();
      await client.invalidateQueries({ queryKey: ddiGatewaysQuery.queryKey });
    },
  });
  return (
    <FormDialog title="New gateway token" close={close} action={create} submit="Make the token">
      <TextInput label="Note" description="What it is for" maxLength={128} value={note} onChange={(event) => setNote(event.currentTarget.value)} data-autofocus />
      <TextInput label="Product" description="Of the devices that it brings" required maxLength={64} value={product} onChange={(event) => setProduct(event.currentTarget.value)} />
      <TextInput label="Hardware" description="Of the devices that it brings" required maxLength={64} value={hardware} onChange={(event) => setHardware(event.currentTarget.value)} />
      <GivenToken value={token} change={setToken} />
    </FormDialog>
  );
}
