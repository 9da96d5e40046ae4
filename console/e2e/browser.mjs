// Debian's Chromium, driven by Playwright.
import axe from "axe-core";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const sizes = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

// A page with a browser's profile of its own. What goes wrong in it (scripts that fail, what the content security policy stops, words on the
// console) is kept in `complaints`.
export async function newPage(browser, stage, { size = "desktop", scheme = "light", ...more } = {}) {
  const context = await browser.newContext({
    baseURL: stage.url,
    viewport: sizes[size],
    colorScheme: scheme,
    ignoreHTTPSErrors: true,
    reducedMotion: "reduce",
    locale: "en",
    hasTouch: size === "phone",
    ...more,
  });
  context.setDefaultTimeout(Number(process.env.PATIENCE_MS ?? 60_000));
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`script: ${error.stack}`));
  page.on("console", (message) => {
    // Chromium tells of every answer of 400 and above; the pages show those themselves.
    if (["error", "warning"].includes(message.type()) && !/Failed to load resource|ERR_CONNECTION_REFUSED/.test(message.text())) page.complaints.push(message.text());
  });
  return page;
}

// A session without the login page, which costs seconds and has tests of its own.
export async function enter(page, { user, password }) {
  const answer = await page.request.post("/api/v1/login", { data: { user, password, cookie: true }, headers: { "X-Aloft-Console": "1" } });
  assert.equal(answer.status(), 200);
}

export async function login(page, { user, password }) {
  await page.goto("/login");
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
}

// No rule of axe-core for WCAG 2.2 A and AA, nor of its best practices, is broken by what is shown now.
export async function assertAccessible(page, what) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `    ${html}\n    ${failureSummary}`).join("\n")}`);
  assert.equal(told.length, 0, `${what}:\n${told.join("\n")}`);
}

// Nothing sticks out to the side, of the page or of a table's place in it.
export async function assertFits(page, what) {
  const wide = await page.evaluate(() => {
    const tables = [...document.querySelectorAll("table")];
    const places = [["the page", document.documentElement], ...tables.map((table) => [table.getAttribute("aria-label"), table.parentElement])];
    return places.filter(([, place]) => place.scrollWidth > place.clientWidth).map(([name, place]) => `${name}: ${place.scrollWidth} px wide in ${place.clientWidth}`);
  });
  assert.deepEqual(wide, [], what);
}
