import assert from "node:assert/strict";
import { login } from "../browser.mjs";

export const settingsCases = {
  "a user with few roles is made, sees no audit log, and what was done is in it": {
    run: async ({ page, stage }) => {
      await page.goto("/settings");
      await page.getByRole("button", { name: "New user…" }).click();
      await page.getByLabel("Name").fill("vic");
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.getByRole("button", { name: "Make the user" }).click();
      await page.getByRole("row").filter({ hasText: "vic" }).getByText("viewer").waitFor();
      await page.getByRole("link", { name: "Audit log" }).click();
      const entry = page.getByRole("row").filter({ hasText: "POST /users" });
      await entry.getByText("done").waitFor();
      assert.ok(!(await page.content()).includes("a long password"));
      await stage.do("stranger", { name: "cam-01" });
      await page.context().clearCookies();
      await login(page, { user: "vic", password: "a long password" });
      assert.equal(await page.getByRole("link", { name: "Audit log" }).count(), 0);
      await page.goto("/devices");
      await page.getByLabel("Choose cam-01").check();
      await page.getByRole("button", { name: "Accept…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Accept" }).click();
      await page.getByRole("dialog", { name: "Not everything was done" }).getByText(/cam-01.*E\d{4}/).waitFor();
    },
  },
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
