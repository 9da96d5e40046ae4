import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "react";
import type { Outcomes } from "./outcomes";
import { timeText } from "../../parts/text";
import classes from "./Overview.module.css";

const height = 150;

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Bars that stand on each other: what was committed below, what failed on top.
function drawn(outcomes: Outcomes): uPlot.AlignedData {
  const seconds = outcomes.starts.map((ms) => ms / 1000);
  return [seconds, outcomes.committed.map((count, i) => count + outcomes.failed[i]!), outcomes.committed];
}

export function OutcomesChart({ outcomes, scheme }: { outcomes: Outcomes; scheme: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const target = place.current!;
    const bars = uPlot.paths.bars!({ size: [0.7, 40] });
    const axis = { stroke: color("--mantine-color-dimmed"), grid: { stroke: color("--line-soft"), width: 1 }, ticks: { show: false } };
    const chart = new uPlot(
      {
        width: target.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
        axes: [{ ...axis, size: 28, values: (_, seconds) => seconds.map((second) => timeText(second * 1000).slice(11, 16)) }, { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] }],
        series: [
          {},
          { fill: color("--tone-bad"), stroke: color("--tone-bad"), width: 0, paths: bars, points: { show: false } },
          { fill: color("--tone-good"), stroke: color("--tone-good"), width: 0, paths: bars, points: { show: false } },
        ],
      },
      drawn(outcomes),
      target,
    );
    const observer = new ResizeObserver(() => chart.setSize({ width: target.clientWidth, height }));
    observer.observe(target);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [outcomes, scheme]);
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  return <div ref={place} className={classes.chart} role="img" aria-label={`${sum(outcomes.committed)} updates committed, ${sum(outcomes.failed)} failed or rolled back in the last day`} />;
}
