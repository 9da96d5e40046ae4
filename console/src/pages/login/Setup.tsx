import { Alert, Button, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, take } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../parts/ErrorNote";
import { Door } from "./Door";

// Behind the one-time link of the server's first start; its token stands behind the #, so that no server's log ever has it.
export function Setup() {
  const router = useRouter();
  const client = useQueryClient();
  const [token] = useState(() => window.location.hash.slice(1));
  const [user, setUser] = useState("admin");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const differs = again !== "" && again !== password;
  const setup = useMutation({
    mutationFn: () => take(api.POST("/api/v1/setup", { body: { token, user, password, cookie: true } })),
    onSuccess: async () => {
      await client.resetQueries({ queryKey: sessionQuery.queryKey });
      router.history.replace("/");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!differs) setup.mutate();
  };
  if (token === "") {
    return (
      <Door title="Set up this server">
        <Alert color="yellow" title="The link is not complete">
          Open the whole link that the server printed when it was started, with what stands behind the #.
        </Alert>
      </Door>
    );
  }
  return (
    <Door title="Set up this server">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm" c="dimmed">
            Choose the first administrator. The link works once.
          </Text>
          <TextInput label="User" autoComplete="username" required maxLength={64} value={user} onChange={(event) => setUser(event.currentTarget.value)} />
          <PasswordInput
            label="Password"
            description="At least 10 characters"
            autoComplete="new-password"
            required
            minLength={10}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password again"
            autoComplete="new-password"
            required
            value={again}
            error={differs ? "The two passwords differ" : undefined}
            onChange={(event) => setAgain(event.currentTarget.value)}
          />
          {setup.isError && <ErrorNote error={setup.error} />}
          <Button type="submit" loading={setup.isPending} fullWidth>
            Set up
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
