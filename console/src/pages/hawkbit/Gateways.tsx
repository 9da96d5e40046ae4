import { Button, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, take } from "../../api/client";
import { useMay } from "../../api/may";
import { ddiGatewaysQuery } from "../../api/queries";
import { RowConfirm } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Ago } from "../../parts/Time";
import { GivenToken } from "./GivenToken";

// Tokens that act for any device and bring new ones.
export function Gateways() {
  const query = useQuery(ddiGatewaysQuery);
  const may = useMay();
  const [making, make] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  const client = useQueryClient();
  const remove = async (id: number) => {
    await take(api.DELETE("/api/v1/ddi/gateways/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: ddiGatewaysQuery.queryKey });
  };
  return (
    <Panel
      title="Gateway tokens"
      flush
      aside={
        may("POST /api/v1/ddi/gateways") && (
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
        {({ gateways }) => (
          <DataTable
            label="Gateway tokens"
            rows={gateways}
            rowKey={({ id }) => id}
            empty={
              <Empty icon="plug" title="No gateway token">
                One token that many devices share. Whoever shows it is registered by itself, with the token&apos;s product and hardware.
              </Empty>
            }
            columns={[
              { head: "Note", cell: ({ note }) => note || <span className="dim">none</span> },
              { head: "Product", phone: "below", cell: ({ product }) => product },
              { head: "Hardware", phone: "below", cell: ({ hardware }) => hardware },
              { head: "Made", phone: "out", cell: ({ created_ms: at }) => <Ago ms={at} /> },
              { head: "By", phone: "out", cell: ({ created_by: by }) => by },
              may("DELETE /api/v1/ddi/gateways/{id}") && {
                phone: "below",
                cell: ({ id }) => (
                  <RowConfirm act="Delete" what={`gateway token ${id}`} run={() => remove(id)}>
                    Devices that show it are refused from now on. Those that it brought stay registered; give them tokens of their own.
                  </RowConfirm>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {making && <NewGateway close={make.close} made={setSecret} />}
    </Panel>
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
