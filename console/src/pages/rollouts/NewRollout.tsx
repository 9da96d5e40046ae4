import { Button, Group, NumberInput, SegmentedControl, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, type Release, type RolloutPlan, take } from "../../api/client";
import { useMay } from "../../api/may";
import { groupsQuery, releasesQuery } from "../../api/queries";
import { useAnnounce } from "../../parts/Announcer";
import { ErrorNote } from "../../parts/ErrorNote";
import { asFilter } from "../../parts/filter";
import { Page, Panel } from "../../parts/Page";
import { FilterCount, FilterInput } from "../../parts/QueryBar";
import { careful, type PlanForm, planOf } from "./plan";
import { Preview } from "./Preview";
import classes from "./Rollouts.module.css";
import { WavesForm } from "./Waves";

const route = getRouteApi("/inside/rollouts/new");
const numberOf = (value: number | string) => (typeof value === "number" ? value : Number(value) || 0);

type Part = { form: PlanForm; set: (part: Partial<PlanForm>) => void };

export function NewRollout() {
  const { q, release } = route.useSearch();
  const [form, setForm] = useState<PlanForm>({ ...careful, filter: q ?? "", release: release === undefined ? null : String(release) });
  const set = (part: Partial<PlanForm>) => setForm((before) => ({ ...before, ...part }));
  const releases = useInfiniteQuery(releasesQuery).data?.pages.flatMap((page) => page.releases) ?? [];
  const made = planOf(form);
  const plan = "plan" in made ? made.plan : undefined;
  const missing = "missing" in made ? made.missing : undefined;
  const create = useCreate();
  const mayMake = useMay()("POST /api/v1/rollouts");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (plan) create.mutate(plan);
  };
  return (
    <Page title="New rollout" back={{ to: "/rollouts", label: "Rollouts" }} lead="Nothing is offered to any device before the rollout is started.">
      <div className={classes.columns}>
        <div>
          <What form={form} set={set} releases={releases} />
          <Panel title="In which waves">
            <WavesForm waves={form.waves} change={(waves) => set({ waves })} />
          </Panel>
          <Gates form={form} set={set} releases={releases} />
          <How form={form} set={set} />
          <form onSubmit={submit} id="new-rollout">
            <Stack>
              {create.isError && <ErrorNote error={create.error} />}
              <Group justify="flex-end">
                {mayMake && (
                  <Button type="submit" disabled={!plan || form.name === ""} loading={create.isPending}>
                    Make the rollout
                  </Button>
                )}
              </Group>
            </Stack>
          </form>
        </div>
        <div className={classes.stay}>
          <Preview plan={plan} missing={missing} />
        </div>
      </div>
    </Page>
  );
}

function useCreate() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const announce = useAnnounce();
  return useMutation({
    mutationFn: (plan: RolloutPlan) => take(api.POST("/api/v1/rollouts", { body: plan })),
    onSuccess: async (rollout) => {
      announce(`Rollout ${rollout.name} made; ${rollout.start_at_ms === undefined ? "start it when you are ready" : "it starts by itself"}`);
      await client.invalidateQueries({ queryKey: ["rollouts"] });
      await navigate({ to: "/rollouts/$id", params: { id: String(rollout.id) } });
    },
  });
}

const label = (release: Release) => `${release.version} · ${release.product} · ${release.hardware.join(", ")}`;

function What({ form, set, releases }: Part & { releases: Release[] }) {
  const groups = useQuery(groupsQuery).data?.groups ?? [];
  const filter = asFilter(form.filter);
  const [counted] = useDebouncedValue(filter, 400);
  return (
    <Panel title="What, and to whom">
      <Stack gap="sm">
        <TextInput label="Name" required maxLength={128} value={form.name} onChange={(event) => set({ name: event.currentTarget.value })} />
        <Select
          label="Release"
          required
          searchable
          placeholder="Choose a release"
          value={form.release}
          onChange={(value) => set({ release: value })}
          data={releases.map((release) => ({ value: String(release.id), label: label(release) }))}
          nothingFoundMessage="No release matches"
        />
        <SegmentedControl
          aria-label="Which devices"
          value={form.target}
          onChange={(value) => set({ target: value as PlanForm["target"] })}
          data={[
            { value: "filter", label: "By filter" },
            { value: "group", label: "By group" },
          ]}
        />
        {form.target === "filter" ? (
          <>
            <FilterInput text={form.filter} change={(text) => set({ filter: text })} clear={() => set({ filter: "" })} leave={() => set({ filter })} />
            <FilterCount filter={counted} />
          </>
        ) : (
          <Select label="Group" required searchable value={form.group} onChange={(value) => set({ group: value })} data={groups.map(({ name }) => name)} nothingFoundMessage="There is no such group" />
        )}
      </Stack>
    </Panel>
  );
}

function Gates({ form, set, releases }: Part & { releases: Release[] }) {
  return (
    <Panel title="When it stops by itself">
      <Stack gap="sm">
        <div className={classes.row}>
          <NumberInput label="More failed than" description="Failed, rolled back or silent" min={0} max={100} decimalScale={1} suffix=" %" value={form.failuresPercent} onChange={(value) => set({ failuresPercent: numberOf(value) })} />
          <NumberInput label="More silent than" description="Not heard of in time" min={0} max={100} decimalScale={1} suffix=" %" value={form.silentPercent} onChange={(value) => set({ silentPercent: numberOf(value) })} />
          <NumberInput label="Enough of a wave" description="Committed; 0: all have to end" min={0} max={100} decimalScale={1} suffix=" %" value={form.successPercent} onChange={(value) => set({ successPercent: numberOf(value) })} />
          <NumberInput label="Judged from" description="Devices that have ended" min={1} suffix={form.minSample === 1 ? " device" : " devices"} value={form.minSample} onChange={(value) => set({ minSample: numberOf(value) })} />
        </div>
        <div className={classes.row}>
          <NumberInput label="Crash reboots above" description="Per device-hour; 0: not judged" min={0} decimalScale={4} step={0.01} value={form.crashesPerHour} onChange={(value) => set({ crashesPerHour: numberOf(value) })} />
          <TextInput label="Metric that gets higher" description="Than on the same devices before" maxLength={64} value={form.worseMetric} onChange={(event) => set({ worseMetric: event.currentTarget.value })} />
          <NumberInput label="By more than" description="If a metric is named" min={0} max={100_000} suffix=" %" value={form.worsePercent} onChange={(value) => set({ worsePercent: numberOf(value) })} />
        </div>
        <div className={classes.row}>
          <Select
            label="Then"
            allowDeselect={false}
            value={form.onBroken}
            onChange={(value) => set({ onBroken: value as PlanForm["onBroken"] })}
            data={[
              { value: "pause", label: "Pause, and wait for a person" },
              { value: "roll-back", label: "Roll back to another release" },
            ]}
          />
          {form.onBroken === "roll-back" && (
            <Select label="Go back to" searchable value={form.rollbackRelease} onChange={(value) => set({ rollbackRelease: value })} data={releases.map((release) => ({ value: String(release.id), label: label(release) }))} />
          )}
        </div>
      </Stack>
    </Panel>
  );
}

function How({ form, set }: Part) {
  return (
    <Panel title="How">
      <Stack gap="sm">
        <div className={classes.row}>
          <NumberInput label="Silent after" description="Nothing heard for" min={0.1} decimalScale={1} suffix=" h" value={form.deadlineHours} onChange={(value) => set({ deadlineHours: numberOf(value) })} />
          <NumberInput label="At most" description="0: no limit" min={0} suffix=" a minute" value={form.ratePerMinute} onChange={(value) => set({ ratePerMinute: numberOf(value) })} />
          <NumberInput label="Tried again" description="Before it counts as failed" min={0} max={10} suffix={form.retries === 1 ? " time" : " times"} value={form.retries} onChange={(value) => set({ retries: numberOf(value) })} />
        </div>
        {form.ratePerMinute > 0 && (
          <div className={classes.row}>
            <NumberInput label="The rate grows to" description="100 %: it stays" min={100} max={1000} suffix=" %" value={form.growthPercent} onChange={(value) => set({ growthPercent: numberOf(value) })} />
            <NumberInput label="Every" min={0.2} decimalScale={1} suffix=" min" value={form.growthMinutes} onChange={(value) => set({ growthMinutes: numberOf(value) })} />
          </div>
        )}
        <div className={classes.row}>
          <TextInput type="time" label="Not before" description="By the device's own clock" value={form.windowFrom} onChange={(event) => set({ windowFrom: event.currentTarget.value })} />
          <TextInput type="time" label="Not after" description="The next day, if it is earlier" value={form.windowUntil} onChange={(event) => set({ windowUntil: event.currentTarget.value })} />
        </div>
        <TextInput type="datetime-local" label="Starts at" description="By your clock. Empty: when you start it" value={form.startAt} onChange={(event) => set({ startAt: event.currentTarget.value })} />
        <Switch label="A person at the device has to agree first" checked={form.consent} onChange={(event) => set({ consent: event.currentTarget.checked })} />
        <Switch label="Download only: devices install it when the rollout is released" checked={form.downloadOnly} onChange={(event) => set({ downloadOnly: event.currentTarget.checked })} />
        <Switch label="Devices that come to match later join" checked={form.adopt} onChange={(event) => set({ adopt: event.currentTarget.checked })} />
        <Switch label="A second person has to approve it" checked={form.needsApproval} onChange={(event) => set({ needsApproval: event.currentTarget.checked })} />
      </Stack>
    </Panel>
  );
}
