import assert from "node:assert/strict";
import { assertAccessible, assertFits, enter } from "../browser.mjs";

async function someDevices(stage, count) {
  await stage.do("devices", { prefix: "cam-", count });
  return (await stage.do("release", { version: "2.0" })).id;
}

export const rolloutCases = {
  "a rollout is planned with a preview that says who is left out and why, then started and paused by one button": {
    run: async ({ page, stage }) => {
      await someDevices(stage, 20);
      await stage.do("stranger", { name: "cam-new" });
      await page.goto("/rollouts");
      await page.getByText("No rollout yet").waitFor();
      await page.getByRole("button", { name: "New rollout" }).first().click();
      await page.getByLabel("Name").fill("2.0 to the cameras");
      await page.getByRole("combobox", { name: "Release" }).click();
      await page.getByRole("option", { name: /2\.0/ }).click();
      await page.getByRole("textbox", { name: "Filter" }).fill("cam");
      await page.getByRole("textbox", { name: "Filter" }).press("Enter");
      await page.getByLabel("Enough of a wave").fill("97.5");
      const preview = page.getByRole("region", { name: "What it would do" });
      await preview.getByText("of 21 devices that match would get it").waitFor();
      await preview.getByText("20", { exact: true }).waitFor();
      await preview.getByText("Left out").waitFor();
      await assertAccessible(page, "the form of a new rollout");
      assert.deepEqual((await stage.api("GET", "/rollouts")).rollouts, [], "nothing has happened yet");
      await page.getByRole("button", { name: "Make the rollout" }).click();
      await page.getByRole("heading", { name: "2.0 to the cameras" }).waitFor();
      await page.getByText("97.5% committed").waitFor();
      await page.getByRole("button", { name: "Start…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByText("Paused", { exact: true }).waitFor();
      const [{ state }] = (await stage.api("GET", "/rollouts")).rollouts;
      assert.equal(state, "paused");
      await page.getByRole("button", { name: "Resume…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
      await page.getByText("Running", { exact: true }).waitFor();
      assert.equal((await stage.api("GET", "/rollouts")).rollouts[0].counts.offered, 10, "the first wave");
    },
  },
  "a rollout goes to the filter that stands in its box, also when it was changed without Enter or emptied": {
    run: async ({ page, stage }) => {
      await someDevices(stage, 3);
      await stage.api("POST", "/tags/beta/devices", { add: ["cam-001"] });
      await page.goto("/rollouts/new?q=tag%3D%3Dalpha");
      await page.getByRole("combobox", { name: "Release" }).click();
      await page.getByRole("option", { name: /2\.0/ }).click();
      const filter = page.getByRole("textbox", { name: "Filter" });
      await filter.fill("");
      await page.getByText("Say which devices").waitFor();
      await page.getByLabel("Name").fill("for some");
      assert.ok(await page.getByRole("button", { name: "Make the rollout" }).isDisabled());
      await filter.fill("cam");
      await page.getByText("of 3 devices that match would get it").waitFor();
      await page.getByLabel("Name").focus();
      assert.equal(await filter.inputValue(), "name==*cam*", "a word is shown as the filter that it stands for");
      await filter.fill("tag==beta");
      await page.getByRole("button", { name: "Make the rollout" }).click();
      await page.getByRole("heading", { name: "for some" }).waitFor();
      assert.equal((await stage.api("GET", "/rollouts")).rollouts[0].filter, "tag==beta");
    },
  },
  "a rollout that is download only waits on its devices until one button has it installed": {
    run: async ({ page, stage }) => {
      const name = "cam-01";
      await stage.do("device", { name });
      await stage.do("release", { version: "2.0" });
      await page.goto("/rollouts/new");
      await page.getByLabel("Name").fill("ahead");
      await page.getByRole("combobox", { name: "Release" }).click();
      await page.getByRole("option", { name: /2\.0/ }).click();
      await page.getByRole("textbox", { name: "Filter" }).fill("cam");
      await page.getByRole("textbox", { name: "Filter" }).press("Enter");
      await page.getByRole("switch", { name: /Download only/ }).check();
      await page.getByRole("button", { name: "Make the rollout" }).click();
      await page.getByRole("button", { name: "Start…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
      await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
      await page.getByText("until it is released").waitFor();
      let offer;
      for (let i = 0; i < 100 && !offer?.deployment; i += 1) offer = await stage.do("poll", { name });
      assert.equal(offer.deployment.policy.download_only, true);
      await stage.do("report", { name, deployment: offer.deployment.id, state: "deferred", error: 8064, message: "downloaded, not installed" });
      await assertAccessible(page, "a rollout that is download only");
      await page.getByRole("button", { name: "Install…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Install" }).click();
      await page.getByRole("button", { name: "Install…" }).waitFor({ state: "detached" });
      assert.equal((await stage.do("poll", { name })).deployment.policy?.download_only, undefined);
    },
  },
  "a rollout whose devices fail stops by itself and says why, live": {
    run: async ({ page, stage }) => {
      for (let i = 1; i <= 4; i += 1) await stage.do("device", { name: `cam-0${i}` });
      const { id: release } = await stage.do("release", { version: "2.0" });
      const gates = [{ failure: "any", max_permille: 200, min_sample: 2 }];
      const { id } = await stage.api("POST", "/rollouts", { name: "risky", release, filter: "name==cam-*", gates });
      await stage.api("POST", `/rollouts/${id}/start`);
      await page.goto(`/rollouts/${id}`);
      await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
      let failed = 0;
      for (let i = 1; i <= 4; i += 1) {
        const offer = await stage.do("poll", { name: `cam-0${i}` });
        if (!offer?.deployment || failed === 2) continue;
        await stage.do("report", { name: `cam-0${i}`, deployment: offer.deployment.id, state: "on-trial" });
        await stage.do("report", { name: `cam-0${i}`, deployment: offer.deployment.id, state: "rolled-back", error: 6002, message: "health check network failed" });
        failed += 1;
      }
      assert.equal(failed, 2);
      await page.getByText("Why it stopped").waitFor();
      await page.getByRole("region", { name: "Failure reasons" }).getByRole("row", { name: /E6002 the new system failed its health check/ }).waitFor();
      await page.getByRole("button", { name: "Resume…" }).waitFor();
      await page.getByRole("button", { name: /2\s*Rolled back/ }).click();
      const devices = page.getByRole("region", { name: "Devices: rolled back" });
      await devices.getByRole("row").nth(2).waitFor();
      await assertAccessible(page, "a rollout that stopped");
      await page.setViewportSize({ width: 390, height: 844 });
      await assertFits(page, "a rollout on a phone");
    },
  },
  "a rollout whose devices crash more than before stops by itself, and its page shows the comparison": {
    run: async ({ page, stage }) => {
      for (let i = 1; i <= 3; i += 1) await stage.do("device", { name: `cam-0${i}` });
      const { id: release } = await stage.do("release", { version: "2.0" });
      const waves = [{ count: 2, soak_s: 3600 }];
      const health_gates = [{ measure: "crash-reboots", worse_percent: 50, min_devices: 2 }];
      const { id } = await stage.api("POST", "/rollouts", { name: "shaky", release, filter: "name==cam-*", waves, health_gates });
      await stage.api("POST", `/rollouts/${id}/start`);
      await page.goto(`/rollouts/${id}`);
      await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
      for (let i = 1; i <= 3; i += 1) {
        const offer = await stage.do("poll", { name: `cam-0${i}` });
        if (!offer?.deployment) continue;
        await stage.commit(`cam-0${i}`, offer.deployment.id, "2.0");
        const before = { version: "1.0", began: 1, uptime_s: 36_000, reboots: { watchdog: 1 }, metrics: { "cpu-temp": { count: 2, sum: 100, last: 50 } } };
        const now = { version: "2.0", began: 2, uptime_s: 7200, reboots: { watchdog: 3 }, metrics: { "cpu-temp": { count: 1, sum: 60, last: 60 } } };
        await stage.do("vitals", { name: `cam-0${i}`, versions: [before, now] });
      }
      await page.getByText("crash-reboots is 1.5 per device-hour").first().waitFor();
      const health = page.getByRole("region", { name: "Health" });
      await health.getByRole("row", { name: /Crash reboots per device-hour 1\.5 0\.1 1\.5 \+1400%/ }).waitFor();
      await health.getByRole("row", { name: /cpu-temp 60 50 60 \+20%/ }).waitFor();
      await assertAccessible(page, "a rollout with health");
      await page.goto("/devices/cam-01");
    },
  },
  "a device's page says why it gets no update": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await page.goto("/devices/cam-01");
      const why = page.getByRole("region", { name: "Why it does or does not get an update" });
      await why.getByText("There is no update for it now").waitFor();
      const { id: release } = await stage.do("release", { version: "2.0" });
      const { id } = await stage.api("POST", "/rollouts", { name: "later", release, filter: "name==cam-*" });
      await why.getByRole("link", { name: `Rollout ${id}` }).waitFor();
    },
  },
  "a rollout that needs approval stands first in the list and is approved by another than who made it": {
    run: async ({ page, stage, operator }) => {
      await stage.do("device", { name: "cam-01" });
      const { id: release } = await stage.do("release", { version: "2.0" });
      const { id: rollback_release } = await stage.do("release", { version: "1.9" });
      const policy = { download: { budget_bytes: 5 * 1024 ** 2, metered: "wait" } };
      await stage.api("POST", "/rollouts", { name: "big one", release, rollback_release, policy, filter: "name==cam-*", needs_approval: true });
      await page.goto("/rollouts");
      await page.getByRole("region", { name: "Wait for approval by a second person" }).getByRole("link", { name: "big one" }).click();
      await page.getByText("Somebody else has to approve it.").waitFor();
      assert.equal(await page.getByRole("button", { name: "Approve…" }).count(), 0);
      const second = { user: "anna", password: "a long password" };
      await stage.api("POST", "/users", { name: second.user, password: second.password, roles: ["approver"] });
      await page.context().clearCookies();
      await enter(page, second);
      await page.reload();
      await page.getByRole("button", { name: "Approve…" }).waitFor();
      assert.equal(await page.getByRole("button", { name: "Abort…" }).count(), 0);
      const plan = page.getByRole("region", { name: "The plan" });
      await plan.getByRole("link", { name: "1.9" }).waitFor();
      await plan.getByText("at most 5.0 MiB; nothing over a metered link").waitFor();
      await page.getByRole("button", { name: "Approve…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
      await page.getByText("Ready", { exact: true }).waitFor();
      await page.context().clearCookies();
      await enter(page, operator);
      await page.reload();
      await page.getByRole("button", { name: "Abort…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Abort" }).click();
      await page.getByText("Aborted", { exact: true }).waitFor();
    },
  },
};
