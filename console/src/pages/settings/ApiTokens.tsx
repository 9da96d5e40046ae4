import { Button, Select, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type ApiToken, take } from "../../api/client";
import { sessionQuery, tokensQuery } from "../../api/queries";
import { RowConfirm } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Ago } from "../../parts/Time";

// Seconds. Of users whom an identity provider vouches for none lasts longer: nobody tells this server when they leave.
const outsideLife = 2_592_000;
const lives = [
  { value: "86400", label: "A day" },
  { value: "2592000", label: "30 days" },
  { value: "31536000", label: "A year" },
  { value: "never", label: "Until it is revoked" },
];

export function ApiTokens() {
  const query = useQuery(tokensQuery);
  const [making, make] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Panel
      title="My API tokens"
      flush
      aside={
        <Button size="compact-sm" onClick={make.open}>
          New API token…
        </Button>
      }
    >
      {secret && (
        <SecretNote title="The new API token" secret={secret}>
          Scripts send it as <code>Authorization: Bearer</code>; <code>aloft login --api-token</code> asks for it.
        </SecretNote>
      )}
      <Loaded query={query} rows={2}>
        {({ tokens }) => (
          <DataTable
            label="API tokens"
            rows={tokens.filter(({ kind }) => kind === "api")}
            rowKey={({ id }) => id}
            empty={
              <Empty icon="plug" title="No API token">
                Scripts and CI come in with one of their own, which can be revoked alone.
              </Empty>
            }
            columns={[
              { head: "Note", cell: ({ note }) => note },
              { head: "Made", phone: "out", cell: ({ created_ms: made }) => <Ago ms={made} /> },
              { head: "Last used", phone: "out", cell: ({ used_ms: used = 0 }) => <Ago ms={used} /> },
              { head: "Expires", cell: ({ expires_ms: expires }) => (expires === undefined ? "never" : <Ago ms={expires} />) },
              { phone: "below", cell: (token) => <Revoke token={token} /> },
            ]}
          />
        )}
      </Loaded>
      <NewToken opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function Revoke({ token: { id, note } }: { token: ApiToken }) {
  const client = useQueryClient();
  const revoke = async () => {
    await take(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
  };
  return (
    <RowConfirm act="Revoke" what={`token “${note}”`} run={revoke}>
      Scripts that use it are refused from now on.
    </RowConfirm>
  );
}

function NewToken({ opened, close, made }: { opened: boolean; close: () => void; made: (secret: string) => void }) {
  const [note, setNote] = useState("");
  const [life, setLife] = useState("2592000");
  const outside = useQuery(sessionQuery).data?.issuer !== undefined;
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/tokens", { body: life === "never" ? { note } : { note, expires_in_s: Number(life) } })),
    onSuccess: async ({ token }) => {
      made(token);
      setNote("");
      close();
      await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
    },
  });
  return (
    <FormDialog opened={opened} title="New API token" close={close} action={create} submit="Make the token">
      <TextInput label="Note" description="Which script it is for" required maxLength={128} value={note} onChange={(event) => setNote(event.currentTarget.value)} data-autofocus />
      <Select label="Good for" data={outside ? lives.filter(({ value }) => Number(value) <= outsideLife) : lives} value={life} onChange={(value) => setLife(value ?? "2592000")} allowDeselect={false} />
    </FormDialog>
  );
}
