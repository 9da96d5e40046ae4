import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import classes from "./Copy.module.css";
import { Icon } from "./Icon";

export function CopyIcon({ text, what }: { text: string; what: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? "Copied" : `Copy ${what}`}>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={copied ? "Copied" : `Copy ${what}`}>
            <Icon name={copied ? "check" : "copy"} size={15} />
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

// A digest or a secret in full, to be selected, compared or copied.
export function Copyable({ text, what }: { text: string; what: string }) {
  return (
    <span className={classes.line}>
      <code className={classes.text}>{text}</code>
      <CopyIcon text={text} what={what} />
    </span>
  );
}
