import assert from "node:assert/strict";

async function running(stage) {
  await stage.do("device", { name: "cam-01" });
  const release = await stage.do("release", { version: "2.0" });
  const [deployment] = await stage.deploy(release.id, "cam-01");
  await stage.do("poll", { name: "cam-01" });
  return deployment;
}

export const deploymentCases = {
  "a deployment is followed live to its end, also across a restart of the server": {
    run: async ({ page, stage }) => {
      const deployment = await running(stage);
      await page.goto(`/deployments/${deployment}`);
      const timeline = page.getByRole("region", { name: "What happened" });
      await timeline.getByText("Offered").waitFor();
      await stage.do("report", { name: "cam-01", deployment, state: "downloading", progress_permille: 310 });
      await page.getByText("31%").first().waitFor();
      await stage.do("restart");
      await stage.do("report", { name: "cam-01", deployment, state: "on-trial" });
      await timeline.getByText("On trial").waitFor();
      await stage.do("report", { name: "cam-01", deployment, state: "committed", version: "2.0" });
      await timeline.getByText("Committed").waitFor();
      await page.getByRole("button", { name: "Withdraw…" }).waitFor({ state: "detached" });
      assert.equal(await timeline.getByRole("listitem").count(), 4, "each step once");
    },
  },
  "a failure stands out with its number and reason": {
    run: async ({ page, stage }) => {
      const deployment = await running(stage);
      await stage.do("report", { name: "cam-01", deployment, state: "on-trial" });
      await stage.do("report", { name: "cam-01", deployment, state: "rolled-back", error: 6002, message: "health check network failed" });
      await page.goto(`/deployments/${deployment}`);
      await page.getByRole("alert").getByText("Rolled back: error E6002").waitFor();
      await page.getByRole("alert").getByText("health check network failed").waitFor();
    },
  },
  "a deployment that is download only is installed after a question": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      const release = await stage.do("release", { version: "2.0" });
      const made = await stage.api("POST", "/deployments", { release: release.id, devices: ["cam-01"], policy: { download_only: true } });
      const deployment = made.deployments[0].id;
      await stage.do("poll", { name: "cam-01" });
      await page.goto(`/deployments/${deployment}`);
      await page.getByRole("button", { name: "Install…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Install" }).click();
      await page.getByRole("region", { name: "What happened" }).getByText("released by admin, to be installed").waitFor();
      await page.getByRole("button", { name: "Install…" }).waitFor({ state: "detached" });
      assert.equal((await stage.api("GET", `/deployments/${deployment}`)).policy?.download_only, undefined);
    },
  },
  "a running deployment is withdrawn after a question": {
    run: async ({ page, stage }) => {
      const deployment = await running(stage);
      await page.goto(`/deployments/${deployment}`);
      await page.getByRole("button", { name: "Withdraw…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
      await page.getByRole("region", { name: "What happened" }).getByText("Cancelled", { exact: true }).waitFor();
      assert.equal((await stage.api("GET", `/deployments/${deployment}`)).state, "cancelled");
      await page.goto("/deployments?show=active");
      await page.getByText("Nothing is running").waitFor();
    },
  },
};
