import { Button, NumberInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useAddress } from "../../api/address";
import { api, take } from "../../api/client";
import { useMay } from "../../api/may";
import { ddiSettingsQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { Copyable } from "../../parts/Copy";
import { FormDialog } from "../../parts/FormDialog";
import { Loaded } from "../../parts/Loaded";
import { Facts, Panel } from "../../parts/Page";
import { countText } from "../../parts/text";

const maxPollSeconds = 86_399;

// What the configuration of every client takes, and how often they poll.
export function Clients() {
  const query = useQuery(ddiSettingsQuery);
  const address = useAddress();
  const mayChange = useMay()("PUT /api/v1/ddi/settings");
  const [changing, change] = useDisclosure(false);
  return (
    <Panel
      title="What clients are told"
      aside={
        mayChange &&
        query.data && (
          <Button size="compact-sm" variant="default" onClick={change.open}>
            Change the poll interval…
          </Button>
        )
      }
    >
      <Loaded query={query} rows={4}>
        {({ poll_s: seconds, by_default: byDefault }) => (
          <>
            <Facts
              facts={[
                ["Server", <Copyable key="" text={address} what="the address" />],
                ["Tenant", <code key="">default</code>],
                ["Controller id", "the device's name"],
                ["Token", "the device's own, or a gateway's; none where a certificate shows who it is"],
                ["Polls", `${seconds === 1 ? "every second" : `every ${countText(seconds, "second")}`}, ${byDefault ? "as nobody has set it otherwise" : "as it was set"}`],
              ]}
            />
            {changing && <ChangePoll seconds={seconds} close={change.close} />}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function ChangePoll({ seconds, close }: { seconds: number; close: () => void }) {
  const [poll, setPoll] = useState<number | string>(seconds);
  const client = useQueryClient();
  const announce = useAnnounce();
  const save = useMutation({
    mutationFn: () => take(api.PUT("/api/v1/ddi/settings", { body: { poll_s: Number(poll) } })),
    onSuccess: async (settings) => {
      client.setQueryData(ddiSettingsQuery.queryKey, settings);
      announce("Each device learns it at its next poll");
      close();
    },
  });
  return (
    <FormDialog title="Poll interval" close={close} action={save} submit="Change it" disabled={poll === ""}>
      <NumberInput label="Seconds between polls" description="Each device learns it at its next poll" min={1} max={maxPollSeconds} allowDecimal={false} value={poll} onChange={setPoll} data-autofocus />
    </FormDialog>
  );
}
