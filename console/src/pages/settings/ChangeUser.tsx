import { PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Role, take, type User } from "../../api/client";
import { sessionQuery, usersQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { FormDialog } from "../../parts/FormDialog";
import { RoleChoice } from "./RoleChoice";

// Another's roles, or a new password for who has forgotten it.
export function ChangeUser({ user, close }: { user: User; close: () => void }) {
  // What is not changed here is not sent: it may have been changed elsewhere since.
  const [chosen, setChosen] = useState<Role[]>();
  const [password, setPassword] = useState("");
  const client = useQueryClient();
  const announce = useAnnounce();
  const change = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/users/{name}", { params: { path: { name: user.name } }, body: { roles: chosen, password: password || undefined } })),
    onSuccess: async () => {
      announce(`User ${user.name} changed`);
      close();
      await client.invalidateQueries({ queryKey: usersQuery.queryKey });
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
  return (
    <FormDialog title={`Change user ${user.name}`} close={close} action={change} submit="Change" disabled={chosen?.length === 0 || (chosen === undefined && password === "")}>
      <RoleChoice chosen={chosen ?? user.roles} choose={setChosen} />
      <PasswordInput
        label="New password"
        description="Leave it empty to keep the old one. A new one ends the user's sessions"
        minLength={10}
        autoComplete="new-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
