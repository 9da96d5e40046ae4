import { ActionIcon, Button, NumberInput, Select, Stack } from "@mantine/core";
import { Icon } from "../../parts/Icon";
import type { WaveForm } from "./plan";
import classes from "./Rollouts.module.css";

const numberOf = (value: number | string) => (typeof value === "number" ? value : Number(value) || 0);

// Waves count from the first device on: 10 devices, 10%, 100%.
export function WavesForm({ waves, change }: { waves: WaveForm[]; change: (waves: WaveForm[]) => void }) {
  const set = (place: number, part: Partial<WaveForm>) => change(waves.map((wave, i) => (i === place ? { ...wave, ...part } : wave)));
  return (
    <Stack gap="xs">
      {waves.map((wave, i) => (
        <div key={i} className={classes.row}>
          <NumberInput
            label={i === 0 ? "Up to" : undefined}
            aria-label={`Wave ${i + 1}, how many`}
            min={wave.unit === "%" ? 0.1 : 1}
            max={wave.unit === "%" ? 100 : undefined}
            decimalScale={wave.unit === "%" ? 1 : 0}
            value={wave.amount}
            onChange={(value) => set(i, { amount: numberOf(value) })}
          />
          <Select
            label={i === 0 ? "of the devices" : undefined}
            aria-label={`Wave ${i + 1}, unit`}
            allowDeselect={false}
            value={wave.unit}
            onChange={(value) => set(i, { unit: value as WaveForm["unit"] })}
            data={[
              { value: "%", label: "%" },
              { value: "devices", label: "devices" },
            ]}
          />
          <NumberInput
            label={i === 0 ? "Then watch for" : undefined}
            aria-label={`Wave ${i + 1}, minutes to watch`}
            min={0}
            max={129_600}
            step={10}
            suffix=" min"
            value={wave.soakMinutes}
            onChange={(value) => set(i, { soakMinutes: numberOf(value) })}
          />
          <ActionIcon className={classes.narrow} variant="subtle" color="gray" size="lg" aria-label={`Remove wave ${i + 1}`} disabled={waves.length === 1} onClick={() => change(waves.filter((_, other) => other !== i))}>
            <Icon name="trash" />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button size="compact-sm" variant="subtle" leftSection={<Icon name="plus" size={14} />} onClick={() => change([...waves.slice(0, -1), { amount: 50, unit: "%", soakMinutes: 60 }, waves.at(-1)!])}>
          Add a wave
        </Button>
      </div>
    </Stack>
  );
}
