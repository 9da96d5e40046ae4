import { Box, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, ApiError, take } from "../../api/client";
import { sessionQuery, signOnQuery } from "../../api/queries";
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
      client.removeQueries({ queryKey: signOnQuery.queryKey }); // a failure to sign in is past
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
      <SignOnFailure />
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
      <SignOn next={next} />
    </Door>
  );
}

// Leads to the company's identity provider, where there is one. It leaves the console, so it is a link and no request of a script.
function SignOn({ next }: { next?: string }) {
  const provider = useQuery(signOnQuery).data?.provider;
  if (!provider) return null;
  const query = next ? `?next=${encodeURIComponent(next)}` : "";
  return (
    <Button component="a" href={`/api/v1/sso/login${query}`} variant="default" fullWidth mt="md">
      Sign in with {provider.name}
    </Button>
  );
}

function SignOnFailure() {
  const failure = useQuery(signOnQuery).data?.failure;
  if (!failure) return null;
  return (
    <Box mb="md">
      <ErrorNote error={new ApiError(0, failure.number, failure.message)} title="You are not signed in" />
    </Box>
  );
}
