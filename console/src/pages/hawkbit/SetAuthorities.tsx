import { Button, Group, Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, take } from "../../api/client";
import { ddiAuthoritiesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { FormDialog } from "../../parts/FormDialog";
import { Icon } from "../../parts/Icon";
import { pemFault, pemText } from "./words";

// Takes certificates and revocation lists as text or from files, which are put one behind the other.
export function SetAuthorities({ before, close }: { before: string[]; close: () => void }) {
  const [pem, setPem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const announce = useAnnounce();
  const fault = pem.trim() === "" ? undefined : pemFault(pem);
  const set = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/ddi/authorities", { body: { pem } })),
    onSuccess: (all) => {
      client.setQueryData(ddiAuthoritiesQuery.queryKey, all);
      announce("Authorities set");
      close();
    },
  });
  const add = async (files: File[]) => {
    const texts = await Promise.all(files.map((file) => file.text()));
    setPem((old) => [old.trim(), ...texts.map((text) => text.trim())].filter((text) => text !== "").join("\n") + "\n");
  };
  return (
    <FormDialog title="Set authorities" size="lg" close={close} action={set} submit="Set them" disabled={pem.trim() === "" || fault !== undefined}>
      <Text size="sm">
        The certificates of who issues the devices&apos; certificates, and revocation lists of theirs{before.length > 0 && ", in place of all that were set before"}. They hold from each device&apos;s next request on.
      </Text>
      {before.length > 0 && (
        <Text size="sm">
          Set now: {before.join("; ")}. To change authorities, set the old and the new together, and the new alone later.
        </Text>
      )}
      <Textarea
        label="PEM"
        description={fault === undefined && pem.trim() !== "" ? pemText(pem) : "As -----BEGIN CERTIFICATE-----; no private keys"}
        error={fault}
        rows={10}
        spellCheck={false}
        autoComplete="off"
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: "var(--mantine-font-size-xs)" } }}
        value={pem}
        onChange={(event) => setPem(event.currentTarget.value)}
        data-autofocus
      />
      <Group>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          aria-hidden="true"
          tabIndex={-1}
          accept=".pem,.crt,.cer,.crl"
          data-testid="authorities"
          onChange={(event) => {
            void add([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
        <Button variant="default" size="compact-sm" leftSection={<Icon name="upload" size={16} />} onClick={() => input.current?.click()}>
          Add files
        </Button>
      </Group>
    </FormDialog>
  );
}
