import assert from "node:assert/strict";
import { assertAccessible, assertFits, sizes } from "../browser.mjs";
import { fleet } from "../fleet.mjs";

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
