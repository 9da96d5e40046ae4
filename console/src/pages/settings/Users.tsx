import { Button, PasswordInput, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Role, take, type User } from "../../api/client";
import { usersQuery } from "../../api/queries";
import { ConfirmButton } from "../../parts/Confirm";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import { Ago } from "../../parts/Time";
import { ChangeUser } from "./ChangeUser";
import { RoleChoice } from "./RoleChoice";

// For administrators.
export function Users() {
  const query = useQuery(usersQuery);
  const client = useQueryClient();
  const [making, make] = useDisclosure(false);
  const remove = async (name: string) => {
    await take(api.DELETE("/api/v1/users/{name}", { params: { path: { name } } }));
    await client.invalidateQueries({ queryKey: usersQuery.queryKey });
  };
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
          <Table.ScrollContainer minWidth={0} type="native">
            <Table aria-label="Users">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>User</Table.Th>
                  <Table.Th>Roles</Table.Th>
                  <Table.Th className="wide">Made</Table.Th>
                  <Table.Th>
                    <VisuallyHidden>What to do</VisuallyHidden>
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {users.map((user) => (
                  <Row key={user.name} user={user} remove={() => remove(user.name)} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Loaded>
      <NewUser opened={making} close={make.close} />
    </Panel>
  );
}

function Row({ user, remove }: { user: User; remove: () => Promise<void> }) {
  const [changing, change] = useDisclosure(false);
  return (
    <Table.Tr>
      <Table.Td>
        {user.name}
        {user.issuer && (
          <Text size="xs" c="dimmed">
            {user.display ? `${user.display}, ` : ""}from {user.issuer}
          </Text>
        )}
      </Table.Td>
      <Table.Td>{user.roles.join(", ")}</Table.Td>
      <Table.Td className="wide">
        <Ago ms={user.created_ms} />
      </Table.Td>
      <Table.Td ta="right" className="nowrap">
        {!user.issuer && (
          <Button size="compact-sm" variant="subtle" color="gray" aria-label={`Change user ${user.name}`} onClick={change.open}>
            Change…
          </Button>
        )}
        {changing && <ChangeUser user={user} close={change.close} />}
        <ConfirmButton
          label="Delete…"
          button={{ size: "compact-sm", variant: "subtle", color: "gray", "aria-label": `Delete user ${user.name}` }}
          title={`Delete user ${user.name}?`}
          action="Delete"
          typed={user.name}
          run={remove}
        >
          The user&apos;s sessions and API tokens end at once.
          {user.issuer && " Who still has a group that may do something here can sign in again."}
        </ConfirmButton>
      </Table.Td>
    </Table.Tr>
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
