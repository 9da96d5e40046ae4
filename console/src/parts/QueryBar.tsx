import { CloseButton, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError } from "../api/client";
import { filterCheckQuery } from "../api/queries";
import { asFilter } from "./filter";
import { Icon } from "./Icon";
import { countText } from "./text";

// What somebody types as a filter; `leave` is told when the box is left.
export function FilterInput({ text, change, clear, leave }: { text: string; change: (text: string) => void; clear: () => void; leave?: () => void }) {
  return (
    <TextInput
      aria-label="Filter"
      data-query-bar
      placeholder="A name, or a filter: version=lt=2.4;tag==beta"
      leftSection={<Icon name="search" size={16} />}
      rightSection={text && <CloseButton size="sm" aria-label="Clear the filter" onClick={clear} />}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
      onBlur={leave}
      spellCheck={false}
      autoCapitalize="off"
      autoComplete="off"
    />
  );
}

// Asks for a filter in RSQL; it takes effect by Enter. What is wrong with it is said by the server, with the place.
export function QueryBar({ value, onChange }: { value: string | undefined; onChange: (filter: string | undefined) => void }) {
  const [text, setText] = useState(value ?? "");
  useEffect(() => setText(value ?? ""), [value]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onChange(asFilter(text) || undefined);
  };
  const clear = () => {
    setText("");
    onChange(undefined);
  };
  return (
    <form onSubmit={submit} role="search">
      <FilterInput text={text} change={setText} clear={clear} />
    </form>
  );
}

// How many devices a filter finds, or what is wrong with it.
export function FilterCount({ filter }: { filter: string }) {
  const query = useQuery({ ...filterCheckQuery(filter), enabled: filter !== "" });
  if (filter === "") return null;
  if (query.isError) {
    return (
      <Text size="sm" c="var(--tone-bad)" role="alert">
        {query.error instanceof ApiError && query.error.label ? <code>{query.error.label} </code> : null}
        {query.error.message}
      </Text>
    );
  }
  return (
    <Text size="sm" c="dimmed" role="status">
      {query.data ? `${countText(query.data.device_count, "device")} match${query.data.device_count === 1 ? "es" : ""}` : "…"}
    </Text>
  );
}
