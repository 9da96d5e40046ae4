import { Button, Group, Progress, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type DragEvent, useRef, useState } from "react";
import { type Upload, uploadRelease } from "../../api/upload";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { Icon } from "../../parts/Icon";
import { sizeText } from "../../parts/text";
import classes from "./UploadPanel.module.css";

type Stage = { kind: "waiting" } | { kind: "sending"; file: File; sentBytes: number; upload: Upload } | { kind: "failed"; file: File; error: unknown };

// Takes a bundle by choosing or dropping a file. When all bytes are there the server still checks every frame.
export function UploadPanel() {
  const [stage, setStage] = useState<Stage>({ kind: "waiting" });
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();

  const send = async (file: File | undefined) => {
    if (!file) return;
    const upload = uploadRelease(file, (sentBytes) => setStage((now) => (now.kind === "sending" ? { ...now, sentBytes } : now)));
    setStage({ kind: "sending", file, sentBytes: 0, upload });
    try {
      const { release, known } = await upload.result;
      await client.invalidateQueries({ queryKey: ["releases"] });
      announce(known ? `${release.version} was there already` : `${release.version} uploaded`);
      await navigate({ to: "/releases/$id", params: { id: String(release.id) } });
    } catch (error) {
      setStage({ kind: "failed", file, error });
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (stage.kind !== "sending") void send(event.dataTransfer.files[0]);
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
      <input ref={input} type="file" hidden aria-hidden="true" tabIndex={-1} accept=".aloft" data-testid="bundle" onChange={(event) => void send(event.currentTarget.files?.[0])} />
      {stage.kind === "sending" ? (
        <Sending file={stage.file} sentBytes={stage.sentBytes} stop={stage.upload.abort} />
      ) : (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            Drop a bundle (<code>.aloft</code>) here. The server checks it completely before it becomes a release.
          </Text>
          <Button variant="default" leftSection={<Icon name="upload" size={16} />} onClick={() => input.current?.click()}>
            Choose a file
          </Button>
        </Group>
      )}
      {stage.kind === "failed" && (
        <div className={classes.note}>
          <ErrorNote title={`${stage.file.name} was refused`} error={stage.error} />
        </div>
      )}
    </div>
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
