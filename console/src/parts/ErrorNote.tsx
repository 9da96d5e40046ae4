import { Alert, Button } from "@mantine/core";
import { ApiError } from "../api/client";
import { Icon } from "./Icon";

// What the server said, with its number; docs/error-codes.md says more about each.
export function ErrorNote({ error, retry, title }: { error: unknown; retry?: () => void; title?: string }) {
  const label = error instanceof ApiError ? error.label : "";
  const message = error instanceof Error ? error.message : String(error);
  const wait = error instanceof ApiError && error.retryAfterSeconds ? ` Try again in ${error.retryAfterSeconds} s.` : "";
  return (
    <Alert color="red" variant="light" icon={<Icon name="warning" />} title={title ?? (label ? `Error ${label}` : "That did not work")} role="alert">
      {title && label ? <code>{label} </code> : null}
      {message}
      {wait}
      {retry && (
        <div>
          <Button mt="xs" size="compact-sm" variant="default" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </Alert>
  );
}
