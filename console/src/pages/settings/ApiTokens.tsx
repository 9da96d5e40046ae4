import { Button, Select, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type ApiToken, take } from "../../api/client";
import { sessionQuery, tokensQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
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
      title="My API tokens and sessions"
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
          <Table.ScrollContainer minWidth={0} type="native">
            <Table aria-label="API tokens and sessions">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Kind</Table.Th>
                  <Table.Th>Note</Table.Th>
                  <Table.Th className="wide">Made</Table.Th>
                  <Table.Th>Expires</Table.Th>
                  <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {tokens.map((token) => (
                  <Row key={token.id} token={token} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Loaded>
      <NewToken opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function Row({ token }: { token: ApiToken }) {
  const client = useQueryClient();
  const revoke = async () => {
    await take(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: token.id } } }));
    await client.invalidateQueries();
  };
  return (
    <Table.Tr>
      <Table.Td>{token.kind === "api" ? "API token" : "Session"}</Table.Td>
      <Table.Td>{token.note}</Table.Td>
      <Table.Td className="wide">
        <Ago ms={token.created_ms} />
      </Table.Td>
      <Table.Td>{token.expires_ms === undefined ? "never" : <Ago ms={token.expires_ms} />}</Table.Td>
      <Table.Td ta="right">
        <ConfirmButton
          label="Revoke…"
          button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Revoke ${token.kind === "api" ? "token" : "session"} ${token.id}` }}
          title={token.kind === "api" ? `Revoke “${token.note}”?` : "End this session?"}
          action={token.kind === "api" ? "Revoke" : "End it"}
          run={revoke}
        >
          {token.kind === "api" ? "Scripts that use it are refused from now on." : "If it is the one that you use now, you are logged out."}
        </ConfirmButton>
      </Table.Td>
    </Table.Tr>
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
