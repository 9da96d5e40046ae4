import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, take } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../parts/ErrorNote";
import { Door } from "./Door";

const route = getRouteApi("/login");

export function Login() {
  const { next } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: () => take(api.POST("/api/v1/login", { body: { user, password, cookie: true } })),
    onSuccess: async () => {
      await client.resetQueries({ queryKey: sessionQuery.queryKey });
      router.history.push(next ?? "/");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <Door title="Log in to Aloft">
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label="User" autoComplete="username" required autoFocus value={user} onChange={(event) => setUser(event.currentTarget.value)} />
          <PasswordInput label="Password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          {login.isError && <ErrorNote error={login.error} />}
          <Button type="submit" loading={login.isPending} fullWidth>
            Log in
          </Button>
        </Stack>
      </form>
    </Door>
  );
}
