import assert from "node:assert/strict";
import { assertAccessible, assertFits, enter, sizes } from "../browser.mjs";
import { fleet, furnish } from "../fleet.mjs";

const budgetBytes = 250_000;

// Every page, as somebody with a fleet sees it.
const pagesOf = ({ releases, failed, rollout }) => ["/", "/devices", "/devices/cam-02", "/groups", "/devices?q=tag==beta", "/rollouts", `/rollouts/${rollout}`, "/rollouts/new", "/releases", `/releases/${releases[0]}`, "/deployments", `/deployments/${failed}`, "/enrolment", "/hawkbit", "/device-types", "/audit", "/tenants", "/settings"];

async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

// Colours change at once with the look, not on their way.
const stopTransitions = (page) =>
  page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, *::before, *::after { transition: none !important; }");
    document.adoptedStyleSheets = [sheet];
  });

export const frameCases = {
  "the first load stays in its budget, compressed by brotli, and comes from the cache the second time": {
    options: { loggedOut: true },
    run: async ({ page }) => {
      const session = await page.context().newCDPSession(page);
      await session.send("Network.enable");
      const answers = new Map();
      session.on("Network.responseReceived", ({ requestId, response }) => answers.set(requestId, { ...response, bytes: 0 }));
      session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        const answer = answers.get(requestId);
        if (answer) answer.bytes = answer.fromDiskCache ? 0 : encodedDataLength;
      });
      await page.goto("/login");
      await page.waitForLoadState("networkidle");
      const first = [...answers.values()];
      const total = first.reduce((sum, { bytes }) => sum + bytes, 0);
      assert.ok(total > 50_000 && total <= budgetBytes, `${total} bytes`);
      for (const { url, headers } of first.filter(({ url }) => /\.(js|css)$/.test(url) && !/Door|Login/.test(url))) {
        assert.equal(headers["Content-Encoding"], "br", url);
        assert.match(headers["Cache-Control"], /immutable/);
      }
      answers.clear();
      await page.goto("/login");
      await page.waitForLoadState("networkidle");
      const second = [...answers.values()].reduce((sum, { bytes }) => sum + bytes, 0);
      assert.ok(second < 5_000, `${second} bytes the second time`);
    },
  },
  "every page has no fault that axe-core finds, in light and dark, wide and narrow, nothing sticks out, and every answer is a good one": {
    run: async ({ page, stage }) => {
      const made = await fleet(stage);
      await furnish(stage);
      const failed = [];
      page.on("response", (answer) => answer.status() >= 400 && failed.push(`${answer.status()} ${answer.url()}`));
      for (const path of pagesOf(made)) {
        await page.setViewportSize(sizes.desktop);
        await page.goto(path);
        await settled(page);
        await stopTransitions(page);
        for (const [size, viewport] of Object.entries(sizes)) {
          await page.setViewportSize(viewport);
          for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
            await assertAccessible(page, `${path} ${size} ${colorScheme}`);
          }
          await assertFits(page, `${path} ${size}`);
        }
      }
      assert.deepEqual(failed, []);
    },
  },
  "a viewer is offered nothing that the server refuses: every button of every page is pressed, and every dialog sent": {
    run: async ({ page, stage }) => {
      const made = await fleet(stage);
      await furnish(stage);
      const viewer = { user: "viv", password: "a long password" };
      await stage.api("POST", "/users", { name: viewer.user, password: viewer.password, roles: ["viewer"] });
      await page.context().clearCookies();
      await enter(page, viewer);
      const refused = [];
      page.on("response", (answer) => answer.status() === 403 && refused.push(`${answer.request().method()} ${answer.url()} by ${page.url()}`));
      const pressed = new Set();
      // They ask the server for nothing, or end this session.
      const left = /^Copy|^End session|^Change my password/;
      for (const path of pagesOf(made).filter((path) => !["/audit", "/tenants"].includes(path))) {
        await page.goto(path);
        await settled(page);
        const here = new Set();
        const buttons = page.getByRole("main").locator(":is(button, [type=checkbox]):enabled:visible");
        for (let i = 0; i < (await buttons.count()); ++i) {
          const name = await buttons.nth(i).evaluate((button) => button.getAttribute("aria-label") ?? button.textContent);
          if (left.test(name) || here.has(name)) continue;
          await buttons.nth(i).click();
          here.add(name);
          pressed.add(name);
          const dialog = page.getByRole("dialog");
          if (await dialog.isVisible()) {
            for (const field of await dialog.locator("input[required]").all()) await field.fill("x");
            await dialog.locator("[type=submit]").click({ timeout: 10_000 });
            await dialog.waitFor({ state: "hidden", timeout: 10_000 });
          }
          if (new URL(page.url()).pathname !== new URL(path, page.url()).pathname) await page.goto(path);
          await settled(page);
        }
      }
      assert.deepEqual(refused, []);
      assert.ok(pressed.has("New API token…") && pressed.size > 10, [...pressed].join(", "));
    },
  },
  "keys lead everywhere, and the content can be reached without the navigation": {
    run: async ({ page }) => {
      await page.goto("/");
      await settled(page);
      await page.keyboard.press("g");
      await page.keyboard.press("d");
      await page.getByRole("heading", { name: "Devices", level: 1 }).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.reload();
      await page.getByRole("heading", { name: "Devices", level: 1 }).waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => location.hash), "#main");
    },
  },
  "the dark look can be chosen and is remembered": {
    run: async ({ page }) => {
      const scheme = () => page.evaluate(() => document.documentElement.dataset.mantineColorScheme);
      await page.goto("/");
      await settled(page);
      assert.equal(await scheme(), "light");
      await page.getByRole("button", { name: "admin" }).click();
      await page.getByRole("menuitem", { name: "Dark" }).click();
      assert.equal(await scheme(), "dark");
      await page.reload();
      await page.getByRole("heading", { level: 1 }).waitFor();
      assert.equal(await scheme(), "dark");
    },
  },
  "the navigation of a phone opens and leads on": {
    options: { size: "phone" },
    run: async ({ page }) => {
      await page.goto("/");
      await page.getByRole("button", { name: "Open the navigation" }).click();
      await assertAccessible(page, "the open navigation");
      await page.getByRole("dialog").getByRole("link", { name: "Releases" }).click();
      await page.getByRole("heading", { name: "Releases", level: 1 }).waitFor();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
    },
  },
  "while the server is away the page says so, keeps what it has, and recovers by itself": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await page.goto("/devices");
      await page.getByRole("link", { name: "cam-01" }).waitFor();
      await stage.do("stop");
      await page.getByText("What you see may be out of date").waitFor();
      assert.ok(await page.getByRole("link", { name: "cam-01" }).isVisible());
      await stage.do("start");
      await page.getByText("What you see may be out of date").waitFor({ state: "hidden" });
    },
  },
};
