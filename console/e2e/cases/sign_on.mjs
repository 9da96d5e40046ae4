import assert from "node:assert/strict";
import { assertAccessible, assertFits } from "../browser.mjs";

const heading = (page, name) => page.getByRole("heading", { name, level: 1 });
const signIn = async (page) => {
  await page.getByRole("link", { name: "Sign in with Example Corp" }).click();
  await page.getByRole("button", { name: "Continue as Ann" }).click();
};

export const signOnCases = {
  "people sign in at their company's provider and come back to where they wanted to go": {
    options: { loggedOut: true },
    run: async ({ page, stage }) => {
      await stage.do("provider");
      await page.goto("/devices?status=pending");
      await heading(page, "Log in to Aloft").waitFor();
      await page.getByRole("link", { name: "Sign in with Example Corp" }).waitFor();
      await assertAccessible(page, "the login page with a provider");
      await signIn(page);
      await heading(page, "Devices").waitFor();
      assert.ok(page.url().endsWith("/devices?status=pending"), page.url());
      await page.getByRole("button", { name: "ann.smith" }).waitFor();
      const cookies = await page.context().cookies(stage.url);
      assert.deepEqual(cookies.map(({ name }) => name), ["__Host-aloft-session"], "the sign-in's own cookie is gone");
      assert.ok(cookies[0].httpOnly && cookies[0].secure && cookies[0].sameSite === "Strict");
      await page.goto("/settings");
      const users = page.getByRole("table", { name: "Users" });
      await users.getByText("oidc:ann").waitFor();
      await users.getByText(/ann\.smith, from https:\/\/localhost:/).waitFor();
      await page.getByRole("button", { name: "New API token" }).click();
      await page.getByRole("combobox", { name: "Good for" }).click();
      assert.deepEqual(await page.getByRole("option").allTextContents(), ["A day", "30 days"], "none lasts longer for people from outside");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "ann.smith" }).click();
      await page.getByRole("menuitem", { name: "Log out" }).click();
      await heading(page, "Log in to Aloft").waitFor();
      assert.deepEqual(await stage.do("provider"), [], "the provider has nothing to complain of");
    },
  },
  "why somebody may not come in is said on the login page, and the password still works": {
    options: { loggedOut: true, size: "phone" },
    run: async ({ page, stage, operator }) => {
      await stage.do("provider", { claims: { groups: ["everybody"] } });
      await page.goto("/login");
      await signIn(page);
      await heading(page, "Log in to Aloft").waitFor();
      const alert = page.getByRole("alert");
      await alert.getByText("E9710").waitFor();
      await alert.getByText(/ann\.smith is signed in at Example Corp, but has no group/).waitFor();
      await assertAccessible(page, "the login page with a failure");
      await assertFits(page, "the login page with a failure");
      await stage.do("provider", { claims: {}, denial: "access_denied" });
      await signIn(page);
      await page.getByRole("alert").getByText(/access_denied/).waitFor();
      await page.getByLabel("User").fill(operator.user);
      await page.getByLabel("Password", { exact: true }).fill(operator.password);
      await page.keyboard.press("Enter");
      await heading(page, "Overview").waitFor();
    },
  },
};
