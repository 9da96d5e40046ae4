import { TextInput } from "@mantine/core";

// A token of another server, so that clients keep what they have.
export function GivenToken({ value, change }: { value: string; change: (value: string) => void }) {
  return (
    <TextInput
      label="Token of another server"
      description="So that clients keep what they have: 16 to 128 characters. Empty: a new one is made"
      minLength={16}
      maxLength={128}
      autoComplete="off"
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
