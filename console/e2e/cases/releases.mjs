import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

export const releaseCases = {
  "a bundle is uploaded, and its signer and contents are shown": {
    run: async ({ page, stage }) => {
      const file = await stage.do("bundle", { version: "3.1", size_bytes: 3_000_000, product: "gateway", hardware: ["rev-a", "rev-b"] });
      await page.goto("/releases");
      await page.getByText("No release yet").waitFor();
      await page.getByTestId("bundle").setInputFiles(file);
      await page.getByRole("heading", { name: "gateway 3.1" }).waitFor();
      await page.getByText("CN=Test Signer", { exact: true }).waitFor();
      await page.getByText("rev-a, rev-b").waitFor();
      await page.goto("/releases");
      await page.getByTestId("bundle").setInputFiles(file);
      await page.getByText("3.1 was there already").waitFor();
    },
  },
  "a file of SWUpdate's is uploaded once its hardware has been said, and what is inside is shown": {
    run: async ({ page, stage }) => {
      const file = await stage.do("swu", { version: "1.5" });
      await page.goto("/releases");
      await page.getByTestId("bundle").setInputFiles(file);
      const form = page.getByRole("form", { name: "About 1.5.swu" });
      await form.getByLabel("Product").fill("gateway");
      await form.getByRole("button", { name: "Upload" }).click();
      await page.getByRole("alert").getByText("E3405").waitFor();
      await form.getByLabel("Hardware revisions").fill("rev-a,rev-b");
      await form.getByRole("button", { name: "Upload" }).click();
      await page.getByRole("heading", { name: "gateway 1.5" }).waitFor();
      await page.getByRole("table", { name: "Images" }).getByText("/dev/mmcblk0p2").waitFor();
    },
  },
  "a broken bundle is refused with the server's own words and number": {
    run: async ({ page, stage }) => {
      const file = await stage.do("bundle", { version: "3.2" });
      writeFileSync(file, "ALOFT, but not really");
      await page.goto("/releases");
      await page.getByTestId("bundle").setInputFiles(file);
      await page.getByRole("alert").getByText("E3000").waitFor();
      assert.deepEqual((await stage.api("GET", "/releases")).releases, []);
    },
  },
  "an upload that is going on leads nowhere else when another page is open, and says how it ended": {
    run: async ({ page, stage }) => {
      const file = await stage.do("bundle", { version: "3.4" });
      let goOn;
      await page.route("**/api/v1/releases", async (route) => {
        if (route.request().method() === "POST") await new Promise((resolve) => (goOn = resolve));
        await route.continue();
      });
      const away = async () => {
        await page.goto("/releases");
        await page.getByTestId("bundle").setInputFiles(file);
        await page.getByRole("button", { name: "Stop" }).waitFor();
        await page.getByRole("link", { name: "Rollouts" }).click();
        await page.getByRole("button", { name: "New rollout" }).first().click();
        await page.getByLabel("Name").fill("with care");
        goOn();
      };
      await away();
      await page.getByText("3.4 uploaded").waitFor();
      assert.equal(await page.getByLabel("Name").inputValue(), "with care");
      writeFileSync(file, "ALOFT, but not really");
      await away();
      await page.getByRole("status").getByText(/3\.4\.aloft was refused: E3000/).waitFor();
      assert.equal(await page.getByLabel("Name").inputValue(), "with care");
    },
  },
  "a file that could not be sent is sent when it is chosen again": {
    run: async ({ page, stage }) => {
      const file = await stage.do("bundle", { version: "3.5" });
      await page.goto("/releases");
      let sent = 0;
      await page.route("**/api/v1/releases", (route) => (route.request().method() === "POST" && sent++ === 0 ? route.abort() : route.continue()));
      await page.getByTestId("bundle").setInputFiles(file);
      await page.getByRole("alert").getByText(/Send it again/).waitFor();
      assert.equal(await page.getByTestId("bundle").inputValue(), "", "or choosing it again would be no change");
      await page.getByTestId("bundle").setInputFiles(file);
      await page.getByRole("heading", { name: /3\.5/ }).waitFor();
    },
  },
  "a release is deleted after its version has been typed, unless a deployment needs it": {
    run: async ({ page, stage }) => {
      const { id } = await stage.do("release", { version: "3.3" });
      await stage.do("device", { name: "cam-01" });
      const [deployment] = await stage.deploy(id, "cam-01");
      await page.goto(`/releases/${id}`);
      await page.getByRole("switch", { name: /get it first/ }).click();
      await page.getByRole("switch", { name: /get it first/, checked: true }).waitFor();
      assert.equal((await stage.api("GET", `/releases/${id}`)).must_pass_through, true);
      await page.getByRole("button", { name: "Delete…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Type 3.3 to go on").fill("3.3");
      await dialog.getByRole("button", { name: "Delete" }).click();
      await dialog.getByText(/Error E\d{4}/).waitFor();
      await stage.api("POST", `/deployments/${deployment}/cancel`);
      await dialog.getByRole("button", { name: "Delete" }).click();
      await page.getByText("No release yet").waitFor();
    },
  },
};
