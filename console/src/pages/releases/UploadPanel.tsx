import { Button, Group, Progress, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { type Said, type Upload, uploadRelease } from "../../api/upload";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { Icon } from "../../parts/Icon";
import { sizeText } from "../../parts/text";
import classes from "./UploadPanel.module.css";

type Stage =
  | { kind: "waiting" }
  | { kind: "asking"; file: File; said: Said; error?: unknown }
  | { kind: "sending"; file: File; sentBytes: number; upload: Upload }
  | { kind: "failed"; file: File; error: unknown };

// Of another project: the file may lack what the fleet needs to know, so it is asked for before anything is sent.
const isForeign = (file: File) => /\.(swu|raucb)$/i.test(file.name);

// Takes a bundle by choosing or dropping a file. When all bytes are there the server still checks every frame.
export function UploadPanel() {
  const [stage, setStage] = useState<Stage>({ kind: "waiting" });
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();

  // An upload goes on when another page is opened; it leads to its release only from this one.
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);

  const take = (file: File | undefined) => {
    if (!file) return;
    if (isForeign(file)) setStage({ kind: "asking", file, said: { product: "", hardware: "", version: "" } });
    else void send(file, {});
  };
  const send = async (file: File, said: Said) => {
    const upload = uploadRelease(file, said, (sentBytes) => setStage((now) => (now.kind === "sending" ? { ...now, sentBytes } : now)));
    setStage({ kind: "sending", file, sentBytes: 0, upload });
    try {
      const { release, known } = await upload.result;
      await client.invalidateQueries({ queryKey: ["releases"] });
      announce(known ? `${release.version} was there already` : `${release.version} uploaded`);
      if (shown.current) await navigate({ to: "/releases/$id", params: { id: String(release.id) } });
    } catch (error) {
      if (!shown.current) announce(`${file.name} was refused: ${error instanceof ApiError ? `${error.label} ${error.message}` : String(error)}`, "failed");
      setStage(isForeign(file) ? { kind: "asking", file, said, error } : { kind: "failed", file, error });
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (stage.kind !== "sending") take(event.dataTransfer.files[0]);
  };
  return (
    <div
      className={`${classes.zone} ${over ? classes.over : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        ref={input}
        type="file"
        hidden
        aria-hidden="true"
        tabIndex={-1}
        accept=".aloft,.swu,.raucb"
        data-testid="bundle"
        onChange={(event) => {
          take(event.currentTarget.files?.[0]);
          event.currentTarget.value = ""; // or choosing the same file again would be no change
        }}
      />
      {stage.kind === "sending" ? (
        <Sending file={stage.file} sentBytes={stage.sentBytes} stop={stage.upload.abort} />
      ) : stage.kind === "asking" ? (
        <Asking file={stage.file} before={stage.said} send={(said) => void send(stage.file, said)} stop={() => setStage({ kind: "waiting" })} />
      ) : (
        <Group justify="space-between">
          <Text size="sm" c="dimmed" className={classes.words}>
            Drop a bundle (<code>.aloft</code>) here, which the server checks completely before it becomes a release; or a <code>.swu</code> or <code>.raucb</code> file for
            devices that speak hawkBit's protocol.
          </Text>
          <Button variant="default" leftSection={<Icon name="upload" size={16} />} onClick={() => input.current?.click()}>
            Choose a file
          </Button>
        </Group>
      )}
      {(stage.kind === "failed" || stage.kind === "asking") && stage.error !== undefined && (
        <div className={classes.note}>
          <ErrorNote title={`${stage.file.name} was refused`} error={stage.error} />
        </div>
      )}
    </div>
  );
}

function Asking({ file, before, send, stop }: { file: File; before: Said; send: (said: Said) => void; stop: () => void }) {
  const [said, setSaid] = useState(before);
  const field = (name: keyof Said, label: string, description: string) => (
    <TextInput label={label} description={description} value={said[name]} onChange={(event) => setSaid({ ...said, [name]: event.currentTarget.value.trim() })} />
  );
  return (
    <form
      aria-label={`About ${file.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        send(said);
      }}
    >
      <Stack gap="sm">
        <Text size="sm">
          <strong>{file.name}</strong> Leave empty what the file says itself; what you say here outweighs it.
        </Text>
        <div className={classes.fields}>
          {field("product", "Product", "As the devices say it")}
          {field("hardware", "Hardware revisions", "With commas between")}
          {field("version", "Version", "As devices report it")}
        </div>
        <Group justify="flex-end">
          <Button variant="subtle" onClick={stop}>
            Not now
          </Button>
          <Button type="submit">Upload</Button>
        </Group>
      </Stack>
    </form>
  );
}

function Sending({ file, sentBytes, stop }: { file: File; sentBytes: number; stop: () => void }) {
  const share = file.size === 0 ? 1 : sentBytes / file.size;
  return (
    <>
      <Group justify="space-between" mb={6}>
        <Text size="sm">
          <strong>{file.name}</strong> {share < 1 ? `${sizeText(sentBytes)} of ${sizeText(file.size)}` : "is being checked"}
        </Text>
        <Button size="compact-sm" variant="subtle" onClick={stop}>
          Stop
        </Button>
      </Group>
      <Progress value={share * 100} animated={share >= 1} aria-label="Upload" />
    </>
  );
}
