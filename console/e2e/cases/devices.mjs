import assert from "node:assert/strict";
import { assertAccessible } from "../browser.mjs";

const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });

export const deviceCases = {
  "the device list is filtered by status and pages on": {
    run: async ({ page, stage }) => {
      await stage.do("devices", { prefix: "dev-", count: 105 });
      await stage.do("stranger", { name: "cam-01" });
      let failures = 1;
      await page.route(/\/api\/v1\/devices\?.*after=/, (route) => (failures-- > 0 ? route.fulfill({ status: 500, body: "" }) : route.continue()));
      await page.goto("/devices");
      await page.getByRole("button", { name: "Show more" }).click();
      await page.getByRole("alert").getByText(/answered 500/).waitFor();
      await page.getByRole("button", { name: "Show more" }).click();
      await page.getByRole("link", { name: "dev-104" }).waitFor();
      await page.getByText("Pending", { exact: true }).first().click();
      await row(page, "dev-104").waitFor({ state: "detached" });
      assert.equal(await page.getByRole("row").count(), 2, "the head and cam-01");
      assert.ok(page.url().includes("status=pending"), "the address can be passed on");
    },
  },
  "chosen devices are updated together, and one that does not fit is named beforehand": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await stage.do("device", { name: "cam-02" });
      await stage.do("device", { name: "odd-01", hardware: "rev-x" });
      await stage.do("release", { version: "2.0" });
      await page.goto("/devices");
      await page.getByLabel("Choose all that are shown").check();
      await page.getByRole("button", { name: "Update…" }).click();
      await page.getByRole("dialog").waitFor();
      await page.getByRole("combobox", { name: "Release" }).click();
      await page.getByRole("option", { name: /2\.0/ }).click();
      await page.getByText("1 device cannot take this release").waitFor();
      assert.ok(await page.getByRole("button", { name: "Update 3 devices" }).isDisabled());
      await assertAccessible(page, "the update dialog");
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByLabel("Choose odd-01").uncheck();
      await page.getByRole("button", { name: "Update…" }).click();
      await page.getByRole("combobox", { name: "Release" }).click();
      await page.getByRole("option", { name: /2\.0/ }).click();
      await page.getByRole("button", { name: "Update 2 devices" }).click();
      await page.getByRole("heading", { name: "Deployments", level: 1 }).waitFor();
      await row(page, "cam-02").getByText("Offered").waitFor();
      assert.equal((await stage.do("poll", { name: "cam-01" })).deployment.version, "2.0");
    },
  },
  "bulk acts go on behind a refusal and name what failed": {
    run: async ({ page, stage }) => {
      for (const name of ["new-01", "new-02"]) await stage.do("stranger", { name });
      await page.goto("/devices?status=pending");
      await page.getByLabel("Choose all that are shown").check();
      await page.getByRole("button", { name: "Accept…" }).click();
      await stage.api("DELETE", "/devices/new-01");
      await page.getByRole("dialog").getByRole("button", { name: "Accept" }).click();
      await page.getByRole("dialog", { name: "Not everything was done" }).getByText(/new-01.*E\d+/).waitFor();
      assert.equal(await stage.do("accepted", { name: "new-02" }), true);
    },
  },
  "deleting many devices asks for their number": {
    run: async ({ page, stage }) => {
      for (const name of ["old-01", "old-02"]) await stage.do("stranger", { name });
      await page.goto("/devices");
      await page.getByLabel("Choose all that are shown").check();
      await page.getByRole("button", { name: "Delete…" }).click();
      const dialog = page.getByRole("dialog", { name: "Delete 2 devices?" });
      assert.ok(await dialog.getByRole("button", { name: "Delete" }).isDisabled());
      await dialog.getByLabel("Type 2 to go on").fill("2");
      await dialog.getByRole("button", { name: "Delete" }).click();
      await page.getByText("No device yet").waitFor();
      assert.deepEqual((await stage.api("GET", "/devices")).devices, []);
    },
  },
  "a filter is counted, rolled out to and saved with the status that is chosen beside it": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      for (const name of ["cam-02", "cam-03"]) await stage.do("stranger", { name });
      await page.goto("/devices?q=name==cam-01,name==cam-02&status=pending");
      await page.getByText("1 device matches").waitFor();
      assert.equal(await page.getByRole("button", { name: "Roll out to these…" }).count(), 0);
      await page.getByRole("button", { name: "Save as group…" }).click();
      const filter = "status==pending;(name==cam-01,name==cam-02)";
      await page.getByRole("dialog").getByText(filter).waitFor();
      await page.getByLabel("Name").fill("waiting");
      await page.getByRole("button", { name: "Make the group" }).click();
      await page.getByRole("heading", { name: "Groups", level: 1 }).waitFor();
      assert.equal((await stage.api("GET", "/groups")).groups[0].filter, filter);
      await page.goto("/devices?q=name==cam-*&status=accepted");
      await page.getByText("1 device matches").waitFor();
      await page.getByRole("button", { name: "Roll out to these…" }).click();
      await page.getByRole("heading", { name: "New rollout" }).waitFor();
      assert.equal(await page.getByRole("textbox", { name: "Filter" }).inputValue(), "status==accepted;(name==cam-*)");
    },
  },
  "what is done to many devices shows how far it is and can be stopped; who was not tried is counted": {
    run: async ({ page, stage }) => {
      for (const name of ["old-01", "old-02", "old-03"]) await stage.do("stranger", { name });
      let goOn;
      const held = new Promise((resolve) => (goOn = resolve));
      await page.route("**/api/v1/devices/old-02", async (route) => {
        if (route.request().method() === "DELETE") await held;
        await route.continue();
      });
      await page.goto("/devices");
      await page.getByLabel("Choose all that are shown").check();
      await page.getByRole("button", { name: "Delete…" }).click();
      const dialog = page.getByRole("dialog", { name: "Delete 3 devices?" });
      await dialog.getByLabel("Type 3 to go on").fill("3");
      await dialog.getByRole("button", { name: "Delete" }).click();
      await dialog.getByText("1 of 3").waitFor();
      assert.equal(await dialog.getByRole("button", { name: "Keep as it is" }).count(), 0);
      await dialog.getByRole("button", { name: "Stop" }).click();
      goOn();
      await page.getByRole("dialog", { name: "Not everything was done" }).getByText("2 devices done, 1 not tried").waitFor();
      assert.deepEqual((await stage.api("GET", "/devices")).devices.map(({ name }) => name), ["old-03"]);
    },
  },
  "a device's page shows every update with its errors, live, and leads to the log": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      const release = await stage.do("release", { version: "2.0" });
      const [first] = await stage.deploy(release.id, "cam-01");
      await stage.do("poll", { name: "cam-01" });
      await page.goto("/devices/cam-01");
      await page.getByText("Offered").first().waitFor();
      await stage.do("report", { name: "cam-01", deployment: first, state: "installing", progress_permille: 250 });
      await page.getByRole("list").getByText("Installing").first().waitFor();
      await stage.do("report", { name: "cam-01", deployment: first, state: "failed", error: 4004, message: "the slot cannot be written" });
      await page.getByText("the slot cannot be written").first().waitFor();
      await page.getByText("E4004").first().waitFor();
      await stage.do("log", { name: "cam-01", deployment: first, text: "blk_update_request: I/O error\n" });
      await page.getByRole("button", { name: "Update…" }).waitFor();
      await page.getByRole("link", { name: "Details and log" }).click();
      await page.getByText("blk_update_request: I/O error").waitFor();
    },
  },
  "a device's page has what was downloaded only installed, and withdraws it": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      const release = await stage.do("release", { version: "2.0" });
      const made = await stage.api("POST", "/deployments", { release: release.id, devices: ["cam-01"], policy: { download_only: true } });
      await page.goto("/devices/cam-01");
      await page.getByRole("button", { name: "Install…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Install" }).click();
      await page.getByText("released by admin, to be installed").waitFor();
      await page.getByRole("button", { name: "Install…" }).waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Withdraw…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
      await page.getByRole("button", { name: "Withdraw…" }).waitFor({ state: "detached" });
      assert.equal((await stage.api("GET", `/deployments/${made.deployments[0].id}`)).state, "cancelled");
    },
  },
  "a device that is not there is an error of the server, shown with its number": {
    run: async ({ page }) => {
      await page.goto("/devices/nobody");
      await page.getByRole("alert").getByText(/Error E\d{4}/).waitFor();
    },
  },
};
