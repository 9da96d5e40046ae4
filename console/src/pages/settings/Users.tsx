import { Button, PasswordInput, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Role, take, type User } from "../../api/client";
import { usersQuery } from "../../api/queries";
import { RowConfirm, rowButton } from "../../parts/Confirm";
import { DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { ChangeUser } from "./ChangeUser";
import { RoleChoice } from "./RoleChoice";

// For administrators.
export function Users() {
  const query = useQuery(usersQuery);
  const [making, make] = useDisclosure(false);
  return (
    <Panel
      title="Users"
      flush
      aside={
        <Button size="compact-sm" onClick={make.open}>
          New user…
        </Button>
      }
    >
      <Loaded query={query} rows={2}>
        {({ users }) => (
          <DataTable
            label="Users"
            rows={users}
            rowKey={({ name }) => name}
            columns={[
              { head: "User", cell: (user) => <Name user={user} /> },
              { head: "Roles", cell: ({ roles }) => roles.join(", ") },
              { head: "Made", phone: "out", cell: ({ created_ms: made }) => <Ago ms={made} /> },
              { phone: "below", cell: (user) => <Acts user={user} /> },
            ]}
          />
        )}
      </Loaded>
      <NewUser opened={making} close={make.close} />
    </Panel>
  );
}

function Name({ user: { name, issuer, display } }: { user: User }) {
  return (
    <>
      {name}
      {issuer && (
        <Text size="xs" c="dimmed">
          {display ? `${display}, ` : ""}from {issuer}
        </Text>
      )}
    </>
  );
}

function Acts({ user }: { user: User }) {
  const [changing, change] = useDisclosure(false);
  const client = useQueryClient();
  const remove = async () => {
    await take(api.DELETE("/api/v1/users/{name}", { params: { path: { name: user.name } } }));
    await client.invalidateQueries({ queryKey: usersQuery.queryKey });
  };
  return (
    <>
      {!user.issuer && (
        <Button {...rowButton} aria-label={`Change user ${user.name}`} onClick={change.open}>
          Change…
        </Button>
      )}
      {changing && <ChangeUser user={user} close={change.close} />}
      <RowConfirm act="Delete" what={`user ${user.name}`} typed={user.name} run={remove}>
        The user&apos;s sessions and API tokens end at once.
        {user.issuer && " Who still has a group that may do something here can sign in again."}
      </RowConfirm>
    </>
  );
}

function NewUser({ opened, close }: { opened: boolean; close: () => void }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [chosen, setChosen] = useState<Role[]>(["viewer"]);
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => take(api.POST("/api/v1/users", { body: { name, password, roles: chosen } })),
    onSuccess: async () => {
      setName("");
      setPassword("");
      close();
      await client.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  return (
    <FormDialog opened={opened} title="New user" close={close} action={create} submit="Make the user" disabled={chosen.length === 0}>
      <TextInput label="Name" required maxLength={64} autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
      <PasswordInput label="Password" description="At least 10 characters" required minLength={10} autoComplete="new-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
      <RoleChoice chosen={chosen} choose={setChosen} />
    </FormDialog>
  );
}
