import { Button, Group, Modal, Stack } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { ErrorNote } from "./ErrorNote";

interface FormDialogProps {
  title: string;
  close: () => void;
  // What the form does, and why it could not be done.
  action: { mutate: () => void; isPending: boolean; error: Error | null };
  submit: string;
  disabled?: boolean;
  opened?: boolean;
  size?: string;
  children: ReactNode;
}

// A form that is sent or put away.
export function FormDialog({ title, close, action, submit, disabled, opened = true, size, children }: FormDialogProps) {
  const send = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  return (
    <Modal opened={opened} onClose={close} size={size} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={send}>
        <Stack>
          {children}
          {action.error && <ErrorNote error={action.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={action.isPending} disabled={disabled}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
