import assert from "node:assert/strict";
import { assertAccessible } from "../browser.mjs";

const heading = (page, name) => page.getByRole("heading", { name, level: 1 });

// *.localhost leads to this machine by itself.
export const tenantCases = {
  "a tenant is made, given quotas, which its people see, suspended and deleted": {
    run: async ({ page, stage }) => {
      await page.goto("/");
      await page.getByRole("link", { name: "Tenants" }).click();
      await page.getByRole("button", { name: "New tenant…" }).click();
      await page.getByLabel("Name", { exact: true }).fill("roadrunner");
      await page.getByRole("button", { name: "Make the tenant" }).click();
      const link = await page.getByRole("alert").locator("code").first().textContent();
      await page.getByRole("button", { name: "Quotas of roadrunner" }).click();
      await assertAccessible(page, "the quotas of a tenant");
      await page.getByLabel("Devices", { exact: true }).fill("many");
      await page.getByText("A number, as 500 or 20G").waitFor();
      await page.getByLabel("Devices", { exact: true }).fill("5");
      await page.getByLabel("Bytes of releases and deltas").fill("20G");
      await page.getByRole("button", { name: "Set the quotas" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.deepEqual((await stage.api("GET", "/tenants/roadrunner")).limits, { artifact_bytes: 20 * 1024 ** 3, devices: 5 });
      await page.goto(link);
      await page.getByLabel("User").fill("wile");
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.getByLabel("Password again").fill("a long password");
      await page.getByRole("button", { name: "Set up" }).click();
      await heading(page, "Overview").waitFor();
      assert.equal(await page.getByRole("link", { name: "Tenants" }).count(), 0);
      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByRole("row", { name: /Devices 0 5/ }).waitFor();
      await page.getByRole("row", { name: /Bytes of releases and deltas 0 B 20.0 GiB/ }).waitFor();
      await page.goto(`${stage.url}/tenants`);
      const row = page.getByRole("row").filter({ hasText: "roadrunner" });
      await page.getByRole("button", { name: "Suspend roadrunner" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
      await row.getByText("Suspended").waitFor();
      await page.getByRole("button", { name: "Resume roadrunner" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
      await row.getByText("Running").waitFor();
      await page.getByRole("button", { name: "Delete roadrunner" }).click();
      await page.getByLabel("Type roadrunner to go on").fill("roadrunner");
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await row.waitFor({ state: "detached" });
    },
  },
  "a tenant's console works under its host name, with people and devices of its own": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-own" });
      const tenant = await stage.api("POST", "/tenants", { name: "acme" });
      assert.equal(new URL(tenant.url).hostname, "acme.localhost");
      await page.goto(tenant.setup_url);
      await page.getByLabel("User").fill("wile");
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.getByLabel("Password again").fill("a long password");
      await page.getByRole("button", { name: "Set up" }).click();
      await heading(page, "Overview").waitFor();
      await page.getByRole("button", { name: "wile" }).waitFor();
      await page.goto(`${tenant.url}/devices`);
      await heading(page, "Devices").waitFor();
      assert.equal(await page.getByText("cam-own").count(), 0);
      // Both sessions live side by side, each at its own address.
      await page.goto(`${stage.url}/devices`);
      await page.getByText("cam-own").first().waitFor();
      await page.goto(`${tenant.url}/groups`);
      await heading(page, "Groups").waitFor();
      const hosts = (await page.context().cookies()).map(({ domain }) => domain).sort();
      assert.deepEqual(hosts, ["127.0.0.1", "acme.localhost"]);
    },
  },
};
