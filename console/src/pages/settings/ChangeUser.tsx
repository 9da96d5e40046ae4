import { Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, type Role, take, type User } from "../../api/client";
import { sessionQuery, usersQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { RoleChoice } from "./RoleChoice";

// Another's roles, or a new password for who has forgotten it.
export function ChangeUser({ user, close }: { user: User; close: () => void }) {
  const [chosen, setChosen] = useState<Role[]>(user.roles);
  const [password, setPassword] = useState("");
  const client = useQueryClient();
  const announce = useAnnounce();
  const change = useMutation({
    mutationFn: () =>
      take(api.PUT("/api/v1/users/{name}", { params: { path: { name: user.name } }, body: password === "" ? { roles: chosen } : { roles: chosen, password } })),
    onSuccess: async () => {
      announce(`User ${user.name} changed`);
      close();
      await client.invalidateQueries({ queryKey: usersQuery.queryKey });
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Modal opened onClose={close} title={`Change user ${user.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack>
          <RoleChoice chosen={chosen} choose={setChosen} />
          <PasswordInput
            label="New password"
            description="Leave it empty to keep the old one. A new one ends the user's sessions"
            minLength={10}
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {change.isError && <ErrorNote error={change.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={change.isPending} disabled={chosen.length === 0}>
              Change
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
