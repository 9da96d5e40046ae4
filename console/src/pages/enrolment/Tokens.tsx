import { Button, Select, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useAddress } from "../../api/address";
import { api, type EnrolmentToken, take } from "../../api/client";
import { useMay } from "../../api/may";
import { enrolmentTokensQuery } from "../../api/queries";
import { RowConfirm } from "../../parts/Confirm";
import { Copyable } from "../../parts/Copy";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Empty, Panel } from "../../parts/Page";
import { SecretNote } from "../../parts/SecretNote";
import { Dot } from "../../parts/State";
import { Ago, useNow } from "../../parts/Time";
import { To } from "../../parts/To";
import { standing } from "./words";

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
  const may = useMay();
  const address = useAddress();
  const client = useQueryClient();
  const remove = async (id: number) => {
    await take(api.DELETE("/api/v1/enrolment-tokens/{id}", { params: { path: { id } } }));
    await client.invalidateQueries({ queryKey: enrolmentTokensQuery.queryKey });
  };
  return (
    <Panel
      title="One-time tokens"
      flush
      aside={
        may("POST /api/v1/enrolment-tokens") && (
          <Button size="compact-sm" onClick={make.open}>
            New token…
          </Button>
        )
      }
    >
      {secret && (
        <SecretNote title="The new token" secret={secret}>
          Put it into the device&apos;s <code>enrol_token_file</code>, whose <code>url</code> is <Copyable text={address} what="the address" />; it lets one device in.
        </SecretNote>
      )}
      <Loaded query={query} rows={2}>
        {({ enrolment_tokens: tokens }) => (
          <DataTable
            label="Enrolment tokens"
            rows={tokens}
            rowKey={({ id }) => id}
            empty={
              <Empty icon="enrolment" title="No token">
                A token lets one device in without a person looking at it, for instance on the production line.
              </Empty>
            }
            columns={[
              { head: "Note", cell: ({ note }) => note || <span className="dim">none</span> },
              { head: "State", cell: (token) => <TokenState token={token} /> },
              { head: "Used by", phone: "below", cell: ({ used_by: by }) => by && <To to="/devices/$name" params={{ name: by }}>{by}</To> },
              { head: "Made", phone: "out", cell: ({ created_ms: at }) => <Ago ms={at} /> },
              may("DELETE /api/v1/enrolment-tokens/{id}") && {
                phone: "below",
                cell: ({ id, used_ms: used }) => (
                  <RowConfirm act="Delete" what={`token ${id}`} run={() => remove(id)}>
                    {used === undefined ? "Nobody can come in with it any more." : "The device that used it stays."}
                  </RowConfirm>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      <NewToken opened={making} close={make.close} made={setSecret} />
    </Panel>
  );
}

function TokenState({ token }: { token: EnrolmentToken }) {
  const { tone, word, ms } = standing(token, useNow());
  return (
    <Dot tone={tone}>
      {word} <Ago ms={ms} />
    </Dot>
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
