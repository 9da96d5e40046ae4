import assert from "node:assert/strict";

export const settingsCases = {
  "an API token works until it is revoked": {
    run: async ({ page, stage }) => {
      await page.goto("/settings");
      await page.getByRole("button", { name: "New API token…" }).click();
      await page.getByLabel("Note").fill("nightly");
      await page.getByRole("button", { name: "Make the token" }).click();
      const token = await page.getByRole("alert").locator("code").first().textContent();
      const ask = () => page.request.get("/api/v1/session", { headers: { Authorization: `Bearer ${token}` } });
      assert.equal((await ask()).status(), 200);
      await page.getByRole("row").filter({ hasText: "nightly" }).getByRole("button").click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("row").filter({ hasText: "nightly" }).waitFor({ state: "detached" });
      assert.equal((await ask()).status(), 401);
    },
  },
};
