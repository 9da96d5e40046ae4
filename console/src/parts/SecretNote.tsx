import { Alert, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Copyable } from "./Copy";

// A secret that the server shows once.
export function SecretNote({ title, secret, children }: { title: string; secret: string; children: ReactNode }) {
  return (
    <Alert color="teal" variant="light" title={title} mb="md">
      <Copyable text={secret} what="the token" />
      <Text size="sm" mt="xs">
        It is shown this once. {children}
      </Text>
    </Alert>
  );
}
