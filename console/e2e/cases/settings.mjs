import assert from "node:assert/strict";
import { assertAccessible, enter, login } from "../browser.mjs";

export const settingsCases = {
  "an administrator changes another's roles; who changes the own password logs in with the new one": {
    run: async ({ page, stage }) => {
      await stage.api("POST", "/users", { name: "vic", password: "a long password", roles: ["viewer"] });
      await page.goto("/settings");
      await page.getByRole("button", { name: "Change user vic" }).click();
      await page.getByLabel(/^Releaser/).check();
      await page.getByLabel(/^Viewer/).uncheck();
      await page.getByRole("dialog").getByRole("button", { name: "Change" }).click();
      await page.getByRole("row").filter({ hasText: "vic" }).getByText("releaser").waitFor();
      await page.context().clearCookies();
      await enter(page, { user: "vic", password: "a long password" });
      await page.goto("/settings");
      await page.getByText("Roles").first().waitFor();
      await page.getByRole("button", { name: "Change my password…" }).click();
      await assertAccessible(page, "the own password");
      await page.getByLabel("Old password").fill("not that one");
      await page.getByLabel("New password", { exact: true }).fill("a longer password");
      await page.getByLabel("New password again").fill("a longer passwor");
      assert.ok(await page.getByRole("button", { name: "Change it" }).isDisabled());
      await page.getByLabel("New password again").fill("a longer password");
      await page.getByLabel("Old password").fill("a long password");
      await page.getByRole("button", { name: "Change it" }).click();
      await page.getByRole("button", { name: "Log in", exact: true }).waitFor();
      await login(page, { user: "vic", password: "a longer password" });
    },
  },
  "a new password for another leaves roles alone that were changed meanwhile, and the list follows them": {
    run: async ({ page, stage }) => {
      await stage.api("POST", "/users", { name: "vic", password: "a long password", roles: ["viewer", "admin"] });
      await page.goto("/settings");
      await page.getByRole("row").filter({ hasText: "vic" }).getByText("viewer, admin").waitFor();
      await page.getByRole("button", { name: "Change user vic" }).click();
      const dialog = page.getByRole("dialog", { name: "Change user vic" });
      assert.ok(await dialog.getByRole("button", { name: "Change" }).isDisabled(), "nothing is changed yet");
      await stage.api("PUT", "/users/vic", { roles: ["viewer"] });
      await dialog.getByLabel("New password").fill("a longer password");
      await dialog.getByRole("button", { name: "Change" }).click();
      await dialog.waitFor({ state: "detached" });
      assert.deepEqual((await stage.api("GET", "/users")).users.find(({ name }) => name === "vic").roles, ["viewer"]);
      await stage.api("PUT", "/users/vic", { roles: ["releaser"] });
      await page.getByRole("row").filter({ hasText: "vic" }).getByText("releaser").waitFor();
    },
  },
  "a device type that a device has brought is described": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await page.goto("/device-types");
      await page.getByText("not described: a device has brought it").waitFor();
      await page.getByRole("button", { name: /^Describe/ }).click();
      await page.getByLabel("Description of hardware 1").fill("the first board");
      await page.getByLabel("Description", { exact: true }).fill("for roofs");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("the first board").waitFor();
      await page.getByText("for roofs").waitFor();
    },
  },
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
      await page.getByRole("link", { name: "cam-01" }).waitFor();
      assert.equal(await page.getByRole("checkbox").count(), 0);
      // A role that is taken while the page is open.
      await stage.api("PUT", "/users/vic", { roles: ["operator"] });
      await page.reload();
      await page.getByLabel("Choose cam-01").check();
      await stage.api("PUT", "/users/vic", { roles: ["viewer"] });
      await page.getByRole("button", { name: "Accept…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Accept" }).click();
      await page.getByRole("dialog", { name: "Not everything was done" }).getByText(/cam-01.*E\d{4}/).waitFor();
    },
  },
  "a webhook is made, its secret shown once; its log says why nothing arrives, and it is switched off and deleted": {
    run: async ({ page, stage }) => {
      await page.goto("/settings");
      await page.getByText("No other program is told what happens").waitFor();
      await page.getByRole("button", { name: "New webhook…" }).click();
      await page.getByLabel("Address").fill("http://127.0.0.1:9/hook");
      await page.getByLabel("The audit log").check();
      await page.getByRole("button", { name: "Make the webhook" }).click();
      const secret = await page.getByRole("alert").locator("code").first().textContent();
      assert.equal(secret.length, 43);
      await stage.api("POST", "/groups", { name: "one" });
      await page.getByRole("button", { name: /^Log of webhook/ }).click();
      await page.getByRole("dialog").getByText(/E7019/).first().waitFor();
      await assertAccessible(page, "a webhook's log");
      await page.getByRole("button", { name: "Close" }).click();
      let failures = 1;
      await page.route(/\/api\/v1\/webhooks\/\d+$/, (route) => (failures-- > 0 ? route.fulfill({ status: 503, body: "" }) : route.continue()));
      await page.getByRole("switch", { name: /is on/ }).click();
      await page.getByRole("alert").getByText(/answered 503/).waitFor();
      await page.getByRole("switch", { name: /is on/ }).click();
      await page.getByRole("row").filter({ hasText: "127.0.0.1:9" }).getByText("off", { exact: true }).waitFor();
      assert.equal((await stage.api("GET", "/webhooks")).webhooks[0].active, false);
      await page.reload();
      await page.getByRole("row").filter({ hasText: "127.0.0.1:9" }).waitFor();
      assert.ok(!(await page.content()).includes(secret));
      await page.getByRole("button", { name: /^Delete webhook/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByText("No other program is told what happens").waitFor();
    },
  },
  "sessions are told apart, one is ended alone, then all others": {
    run: async ({ page, stage, operator }) => {
      const begin = async (client) => {
        const answer = await page.request.post("/api/v1/login", { data: operator, headers: { "User-Agent": client } });
        return { headers: { Authorization: `Bearer ${(await answer.json()).token}` } };
      };
      const phone = await begin("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1");
      const laptop = await begin("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0");
      const script = await begin("<b>curl</b>/8");
      const status = async (session) => (await page.request.get("/api/v1/session", session)).status();
      await page.goto("/settings");
      const row = (text) => page.getByRole("table", { name: "Sessions" }).getByRole("row").filter({ hasText: text });
      await row("this one").getByText(/^Chrome \d+ on Linux/).waitFor();
      await row("Safari 18 on iPhone").getByText("127.0.0.1").waitFor();
      await row("<b>curl</b>/8").waitFor();
      await assertAccessible(page, "the sessions");
      await page.getByRole("button", { name: /^End session \d+, Safari 18 on iPhone$/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
      await row("Safari 18 on iPhone").waitFor({ state: "detached" });
      assert.deepEqual([await status(phone), await status(laptop)], [401, 200]);
      await page.getByRole("button", { name: "End all others…" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "End them" }).click();
      await row("Firefox 132 on Linux").waitFor({ state: "detached" });
      await row("this one").waitFor();
      assert.equal(await page.getByRole("button", { name: "End all others…" }).count(), 0);
      assert.deepEqual([await status(laptop), await status(script)], [401, 401]);
      await stage.do("restart");
      await page.reload();
      await row("this one").waitFor();
      assert.deepEqual([await status(phone), await status(laptop), await status(script)], [401, 401, 401]);
    },
  },
  "who ends the session that is used is logged out": {
    run: async ({ page }) => {
      await page.goto("/settings");
      await page.getByRole("button", { name: /^End session \d+, Chrome/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "End", exact: true }).click();
      await page.getByRole("heading", { name: "Log in to Aloft" }).waitFor();
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
