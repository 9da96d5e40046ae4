import { Button, Select, Table, TextInput, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type EnrolmentToken, take } from "../../api/client";
import { enrolmentTokensQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Dot } from "../../parts/State";
import { Ago, useNow } from "../../parts/Time";
import { To } from "../../parts/To";

const lives = [
  { value: "3600", label: "An hour" },
  { value: "86400", label: "A day" },
  { value: "604800", label: "A week" },
  { value: "7776000", label: "90 days" },
  { value: "31536000", label: "A year" },
];

export function Tokens() {
  const query = useQuery(enrolmentTokensQuery);
  const [making, make] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  return (
    <Panel
      title="One-time tokens"
      flush
      aside={
        <Button size="compact-sm" onClick={make.open}>
          New token…
        </Button>
      }
    >
      {secret && (
        <SecretNote title="The new token" secret={secret}>
          Put it into the device&apos;s <code>enrol_token_file</code>; it lets one device in.
        </SecretNote>
      )}
      <Loaded query={query} rows={2}>
        {({ enrolment_tokens: tokens }) =>
          tokens.length === 0 ? (
            <Empty icon="enrolment" title="No token">
              A token lets one device in without a person looking at it, for instance on the production line.
            </Empty>
          ) : (
            <TokenTable tokens={tokens} />
          )
        }
      </Loaded>
      <NewToken opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function TokenState({ token }: { token: EnrolmentToken }) {
  const now = useNow();
  if (token.used_ms !== undefined) return <Dot tone="good">Used</Dot>;
  if (token.expires_ms < now) return <Dot tone="idle">Expired</Dot>;
  return <Dot tone="busy">Open</Dot>;
}

function TokenTable({ tokens }: { tokens: EnrolmentToken[] }) {
  const client = useQueryClient();
  const remove = async (id: number) => {
    await take(api.DELETE("/api/v1/enrolment-tokens/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: enrolmentTokensQuery.queryKey });
  };
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table aria-label="Enrolment tokens">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Note</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Used by</Table.Th>
            <Table.Th className="wide">Made</Table.Th>
            <Table.Th className="wide">Expires</Table.Th>
            <Table.Th><VisuallyHidden>What to do</VisuallyHidden></Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tokens.map((token) => (
            <Table.Tr key={token.id}>
              <Table.Td>{token.note || <span className="dim">none</span>}</Table.Td>
              <Table.Td>
                <TokenState token={token} />
              </Table.Td>
              <Table.Td>
                {token.used_by && (
                  <To to="/devices/$name" params={{ name: token.used_by }}>
                    {token.used_by}
                  </To>
                )}
              </Table.Td>
              <Table.Td className="wide">
                <Ago ms={token.created_ms} />
              </Table.Td>
              <Table.Td className="wide">
                <Ago ms={token.expires_ms} />
              </Table.Td>
              <Table.Td ta="right">
                <ConfirmButton
                  label="Delete…"
                  button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Delete token ${token.id}` }}
                  title="Delete the token?"
                  action="Delete"
                  run={() => remove(token.id)}
                >
                  {token.used_ms === undefined ? "Nobody can come in with it any more." : "The device that used it stays."}
                </ConfirmButton>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function NewToken({ opened, close, made }: { opened: boolean; close: () => void; made: (secret: string) => void }) {
  const [note, setNote] = useState("");
  const [life, setLife] = useState("604800");
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/enrolment-tokens", { body: { note, expires_in_s: Number(life) } })),
    onSuccess: async ({ token }) => {
      made(token);
      setNote("");
      close();
      await client.invalidateQueries({ queryKey: enrolmentTokensQuery.queryKey });
    },
  });
  return (
    <FormDialog opened={opened} title="New enrolment token" close={close} action={create} submit="Make the token">
      <TextInput label="Note" description="What it is for" maxLength={128} value={note} onChange={(event) => setNote(event.currentTarget.value)} data-autofocus />
      <Select label="Good for" data={lives} value={life} onChange={(value) => setLife(value ?? "604800")} allowDeselect={false} />
    </FormDialog>
  );
}
