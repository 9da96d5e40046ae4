import assert from "node:assert/strict";
import { assertAccessible } from "../browser.mjs";

const heading = (page, name) => page.getByRole("heading", { name, level: 1 });

export const doorCases = {
  "the first start's link makes the administrator, logs in and leads to the first device": {
    options: { fresh: true },
    run: async ({ page, stage }) => {
      await page.goto(`/setup#${stage.setup}`);
      await page.getByLabel("User").fill("ann");
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.getByLabel("Password again").fill("another password");
      await page.getByText("The two passwords differ").waitFor();
      await page.getByLabel("Password again").fill("a long password");
      await page.getByRole("button", { name: "Set up" }).click();
      await heading(page, "Overview").waitFor();
      assert.ok(!page.url().includes("#"), "the token is gone from the address");
      const first = page.getByRole("link", { name: "Let the first device in" });
      await first.waitFor();
      await assertAccessible(page, "the overview of an empty site");
      await first.click();
      await heading(page, "Enrolment").waitFor();
      await page.goto(`/setup#${stage.setup}`);
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.getByLabel("Password again").fill("a long password");
      await page.getByRole("button", { name: "Set up" }).click();
      await page.getByText("Error E9064").waitFor();
    },
  },
  "an address that leads nowhere says so and leads back, with a session and without": {
    run: async ({ page }) => {
      for (const path of ["/devicez", "/devices/cam-01/more"]) {
        assert.equal((await page.goto(path)).status(), 404);
        await heading(page, "There is no such page").waitFor();
        await page.getByText(path, { exact: true }).waitFor();
        await assertAccessible(page, path);
        await page.getByRole("main").getByRole("link", { name: "Go to the overview" }).click();
        await heading(page, "Overview").waitFor();
      }
      await page.context().clearCookies();
      await page.goto("/devicez");
      await page.getByRole("link", { name: "Go to the overview" }).click();
      await heading(page, "Log in to Aloft").waitFor();
    },
  },
  "without a session there is only the login, and it leads back to where one wanted to go": {
    options: { loggedOut: true },
    run: async ({ page, operator }) => {
      await page.goto("/devices?status=pending");
      await heading(page, "Log in to Aloft").waitFor();
      await page.getByLabel("User").fill(operator.user);
      await page.getByLabel("Password", { exact: true }).fill("not the password");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("Error E9061").waitFor();
      await page.getByLabel("Password", { exact: true }).fill(operator.password);
      await page.keyboard.press("Enter");
      await heading(page, "Devices").waitFor();
      assert.ok(page.url().endsWith("/devices?status=pending"), page.url());
    },
  },
  "the login never leads to another site": {
    options: { loggedOut: true },
    run: async ({ page, stage, operator }) => {
      for (const next of ["https://evil.example/", "//evil.example/", "/\\evil.example/"]) {
        await page.goto(`/login?next=${encodeURIComponent(next)}`);
        await page.getByLabel("User").fill(operator.user);
        await page.getByLabel("Password", { exact: true }).fill(operator.password);
        await page.keyboard.press("Enter");
        await heading(page, "Overview").waitFor();
        assert.equal(new URL(page.url()).origin, stage.url);
      }
    },
  },
  "no script of the page can read the session, and logging out ends it at the server": {
    run: async ({ page }) => {
      await page.goto("/");
      assert.equal(await page.evaluate(() => document.cookie), "");
      const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
      const [cookie] = await page.context().cookies();
      assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === "Strict");
      assert.ok(!stored.includes(cookie.value));
      await page.getByRole("button", { name: "admin" }).click();
      await page.getByRole("menuitem", { name: "Log out" }).click();
      await heading(page, "Log in to Aloft").waitFor();
      await page.context().addCookies([cookie]);
      await page.goto("/devices");
      await heading(page, "Log in to Aloft").waitFor();
    },
  },
  "logging out that fails says so and stays; when the session has ended already it is one": {
    run: async ({ page, stage }) => {
      await page.goto("/devices");
      const { tokens } = await stage.api("GET", "/tokens");
      const newest = Math.max(...tokens.map(({ id }) => id));
      let fails = true;
      await page.route("**/api/v1/logout", async (route) => {
        if (fails) return route.fulfill({ status: 503, body: "" });
        await stage.api("DELETE", `/tokens/${newest}`); // only now, or a list that is asked for finds out first
        return route.continue();
      });
      await page.getByRole("button", { name: "admin" }).click();
      await page.getByRole("menuitem", { name: "Log out" }).click();
      const dialog = page.getByRole("dialog", { name: "You are still logged in" });
      await dialog.getByText(/answered 503/).waitFor();
      await page.getByRole("menu").waitFor({ state: "detached" });
      await assertAccessible(page, "a failed log-out");
      await dialog.getByRole("button", { name: "Close" }).click();
      await heading(page, "Devices").waitFor();
      fails = false;
      await page.getByRole("button", { name: "admin" }).click();
      await page.getByRole("menuitem", { name: "Log out" }).click();
      await heading(page, "Log in to Aloft").waitFor();
    },
  },
  "a session that ends elsewhere ends here, and the next one sees nothing of what it showed": {
    run: async ({ page, stage }) => {
      await stage.api("POST", "/users", { name: "bob", password: "a long password", roles: ["viewer"] });
      await page.goto("/audit");
      await page.getByRole("row").filter({ hasText: "POST /users" }).waitFor();
      const { tokens } = await stage.api("GET", "/tokens");
      const newest = Math.max(...tokens.map(({ id }) => id));
      await stage.api("DELETE", `/tokens/${newest}`);
      await heading(page, "Log in to Aloft").waitFor();
      await page.getByLabel("User").fill("bob");
      await page.getByLabel("Password", { exact: true }).fill("a long password");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("E9075").waitFor();
      assert.equal(await page.getByText("POST /users").count(), 0);
    },
  },
};
