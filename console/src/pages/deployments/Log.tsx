import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { deploymentLogQuery } from "../../api/queries";
import { Loaded } from "../../parts/Loaded";
import { Panel } from "../../parts/Page";
import classes from "./Log.module.css";

// The log that the device sent, to be read or saved.
export function Log({ id, name }: { id: number; name: string }) {
  const query = useQuery(deploymentLogQuery(id));
  return (
    <Panel title="The device's log" flush aside={query.data !== undefined && <Save text={query.data} name={name} />}>
      <Loaded query={query}>
        {(text) => (
          <pre className={classes.log} tabIndex={0} aria-label="Log">
            {text}
          </pre>
        )}
      </Loaded>
    </Panel>
  );
}

function Save({ text, name }: { text: string; name: string }) {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <Button component="a" size="compact-sm" variant="default" href={address} download={name}>
      Save
    </Button>
  );
}
