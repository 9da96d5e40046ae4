import { Button, type ButtonProps, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { ErrorNote } from "./ErrorNote";

interface ConfirmProps {
  opened: boolean;
  close: () => void;
  title: string;
  children: ReactNode;
  action: string; // what the button says: the verb of the question
  dangerous?: boolean;
  typed?: string; // must be typed before the button works
  run: () => Promise<unknown>;
  stop?: () => void; // stops what is run, where it has several steps
}

// Asks before something that cannot be taken back. What the server says against it is shown here. Once it runs nothing is kept any more: it can at
// most be stopped.
export function Confirm({ opened, close, title, children, action, dangerous = true, typed, run, stop }: ConfirmProps) {
  const [text, setText] = useState("");
  const mutation = useMutation({
    mutationFn: run,
    onSuccess: () => {
      close();
      setText("");
    },
  });
  const leave = () => {
    if (mutation.isPending) return stop?.();
    mutation.reset();
    setText("");
    close();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mutation.mutate();
  };
  return (
    <Modal opened={opened} onClose={leave} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <div>{children}</div>
          {typed !== undefined && (
            <TextInput label={`Type ${typed} to go on`} value={text} onChange={(event) => setText(event.currentTarget.value)} autoComplete="off" data-autofocus />
          )}
          {mutation.isError && <ErrorNote error={mutation.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={leave} disabled={mutation.isPending && !stop} data-autofocus={typed === undefined ? true : undefined}>
              {mutation.isPending && stop ? "Stop" : "Keep as it is"}
            </Button>
            <Button type="submit" color={dangerous ? "red.9" : undefined} loading={mutation.isPending} disabled={typed !== undefined && text !== typed}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

type ConfirmButtonProps = Omit<ConfirmProps, "opened" | "close"> & { label: string; button?: ButtonProps & { "aria-label"?: string } };

// A button that asks before it acts.
export function ConfirmButton({ label, button, ...confirm }: ConfirmButtonProps) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="default" {...button} onClick={open}>
        {label}
      </Button>
      <Confirm {...confirm} opened={opened} close={close} />
    </>
  );
}

// Buttons in the rows of a table, which are many.
export const rowButton = { size: "compact-sm", variant: "subtle", color: "gray" } as const;

// Does something with one row, named by `what`, as "Delete group lab".
export function RowConfirm({ act, what, ...confirm }: { act: string; what: string } & Omit<ConfirmButtonProps, "label" | "button" | "title" | "action">) {
  const name = `${act} ${what}`;
  return <ConfirmButton label={`${act}…`} button={{ ...rowButton, "aria-label": name }} title={`${name}?`} action={act} {...confirm} />;
}
