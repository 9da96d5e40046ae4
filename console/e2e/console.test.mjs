// The console in a real browser, against the real server: each page's main job. Run by ./dev test browser, or npm run e2e.
// ONLY="expression" runs the tests whose names match; the others are skipped.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enter, launch, newPage } from "./browser.mjs";
import { cases } from "./cases/index.mjs";
import { Stage } from "./stage.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const [name, { options, run }] of Object.entries(cases)) {
  const skip = process.env.ONLY !== undefined && !new RegExp(process.env.ONLY).test(name);
  test(name, { timeout: 400_000, skip }, async () => {
    const stage = await Stage.open();
    const page = await newPage(browser, stage, options);
    try {
      const operator = options?.fresh ? undefined : await stage.do("set_up");
      if (operator && !options?.loggedOut) await enter(page, operator);
      await run({ page, stage, operator, browser });
      assert.deepEqual(page.complaints, [], "the browser has nothing to complain of");
    } catch (error) {
      if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE });
      throw error;
    } finally {
      await page.context().close();
      await stage.close();
    }
  });
}
