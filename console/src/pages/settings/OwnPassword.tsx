import { Button, PasswordInput, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, take } from "../../api/client";
import { endSession } from "../../api/session";
import { FormDialog } from "../../parts/FormDialog";
import { Panel } from "../../parts/Page";

// For users with a password here.
export function OwnPassword({ user }: { user: string }) {
  const [changing, change] = useDisclosure(false);
  return (
    <Panel
      title="My password"
      aside={
        <Button size="compact-sm" onClick={change.open}>
          Change my password…
        </Button>
      }
    >
      <Text size="sm">A new password ends all sessions of yours; API tokens go on.</Text>
      {changing && <Change user={user} close={change.close} />}
    </Panel>
  );
}

function Change({ user, close }: { user: string; close: () => void }) {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const client = useQueryClient();
  const navigate = useNavigate();
  const change = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/session/password", { body: { old_password: old, password: fresh } })),
    onSuccess: async () => {
      await navigate({ to: "/login" });
      endSession(client);
    },
  });
  const differ = again !== "" && again !== fresh;
  return (
    <FormDialog title="Change my password" close={close} action={change} submit="Change it and log in anew" disabled={again !== fresh}>
      <input type="text" name="username" autoComplete="username" value={user} readOnly hidden />
      <PasswordInput label="Old password" required autoComplete="current-password" value={old} onChange={(event) => setOld(event.currentTarget.value)} data-autofocus />
      <PasswordInput label="New password" description="At least 10 characters" required minLength={10} autoComplete="new-password" value={fresh} onChange={(event) => setFresh(event.currentTarget.value)} />
      <PasswordInput label="New password again" required autoComplete="new-password" value={again} onChange={(event) => setAgain(event.currentTarget.value)} error={differ ? "The two differ" : undefined} />
    </FormDialog>
  );
}
