import assert from "node:assert/strict";

const heading = (page, name) => page.getByRole("heading", { name, level: 1 });

// *.localhost leads to this machine by itself.
export const tenantCases = {
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
