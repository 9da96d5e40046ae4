// Makes the pictures of docs/images: node e2e/pictures.mjs [FOLDER]. A real server with a small simulated fleet is behind them.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { enter, launch, newPage } from "./browser.mjs";
import { fleet } from "./fleet.mjs";
import { Stage } from "./stage.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/images", import.meta.url));
mkdirSync(folder, { recursive: true });

// Name, path, and how it is looked at.
const pictures = ({ releases, failed, running, rollout }) => [
  ["overview", "/"],
  ["devices", "/devices"],
  ["device", "/devices/cam-02"],
  ["device-dark", "/devices/cam-02", { scheme: "dark" }],
  ["groups", "/groups"],
  ["rollouts", "/rollouts"],
  ["rollout", `/rollouts/${rollout}`],
  ["rollout-new", "/rollouts/new?q=product%3D%3Dsensor"],
  ["rollout-phone", `/rollouts/${rollout}`, { size: "phone" }],
  ["releases", "/releases"],
  ["release", `/releases/${releases[2]}`],
  ["deployments", "/deployments"],
  ["deployment-live", `/deployments/${running}`],
  ["deployment-failed", `/deployments/${failed}`],
  ["enrolment", "/enrolment"],
  ["settings", "/settings"],
  ["overview-phone", "/", { size: "phone" }],
  ["devices-phone", "/devices", { size: "phone" }],
];

const only = process.env.ONLY?.split(",");
const browser = await launch();
const stage = await Stage.open();
try {
  const operator = await stage.do("set_up");
  const made = await fleet(stage);
  for (const [name, path, options] of pictures(made)) {
    if (only && !only.includes(name)) continue;
    const page = await newPage(browser, stage, options);
    await enter(page, operator);
    await page.goto(path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await page.context().close();
  }
} finally {
  await stage.close();
  await browser.close();
}
