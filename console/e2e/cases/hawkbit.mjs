import assert from "node:assert/strict";
import { assertAccessible, enter } from "../browser.mjs";

const poll = async (page, name, kind, token) => (await page.request.get(`/default/controller/v1/${name}`, { headers: { Authorization: `${kind} ${token}` } })).status();
const secretOf = (page, title) => page.getByRole("alert", { name: title }).locator("code").first().textContent();
const dialogButton = (page, name) => page.getByRole("dialog").getByRole("button", { name, exact: true });

export const hawkbitCases = {
  "a device of hawkBit's protocol is registered, its token shown once, and renewed on its page": {
    run: async ({ page, stage }) => {
      await page.goto("/");
      await page.getByRole("link", { name: "hawkBit devices" }).click();
      await page.getByRole("button", { name: "Register a device…" }).click();
      await assertAccessible(page, "registering a device");
      await page.getByLabel("Name").fill("cam 01");
      await page.getByLabel("Product").fill("gateway");
      await page.getByLabel("Hardware").fill("rev-a");
      await dialogButton(page, "Register").click();
      await page.getByRole("alert", { name: "Error E9069" }).waitFor();
      await page.getByLabel("Name").fill("cam-01");
      await dialogButton(page, "Register").click();
      const first = await secretOf(page, "The token of cam-01");
      await assertAccessible(page, "a device's token");
      assert.equal(await poll(page, "cam-01", "TargetToken", first), 200);
      await page.getByRole("main").getByRole("link", { name: "cam-01" }).click();
      await page.getByRole("button", { name: "New token…" }).click();
      await dialogButton(page, "Make the token").click();
      const second = await secretOf(page, "The token of cam-01");
      assert.deepEqual([await poll(page, "cam-01", "TargetToken", first), await poll(page, "cam-01", "TargetToken", second)], [401, 200]);
      await page.getByRole("button", { name: "Ask for attributes" }).click();
      await page.getByText("cam-01 is asked for its attributes at its next poll").waitFor();
      await page.reload();
      await page.getByText("hawkBit's", { exact: true }).waitFor();
      const shown = await page.content();
      assert.ok(![first, second].some((token) => shown.includes(token)));
      assert.equal((await stage.api("GET", "/devices/cam-01")).protocol, "hawkbit");
      await stage.do("device", { name: "cam-02" });
      await page.goto("/hawkbit");
      await page.getByRole("main").getByRole("link", { name: "devices", exact: true }).click();
      await page.getByText("1 device matches").waitFor();
      await page.getByRole("link", { name: "cam-01" }).waitFor();
      assert.equal(await page.getByRole("link", { name: "cam-02" }).count(), 0);
    },
  },
  "devices are told the address that the server's operator has said, else the browser's": {
    run: async ({ page, stage }) => {
      await page.goto("/hawkbit");
      await page.getByText(stage.url, { exact: true }).waitFor();
      await stage.do("public_url", { url: "https://updates.example" });
      await page.reload();
      await page.getByText("https://updates.example", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Register a device…" }).click();
      await page.getByLabel("Name").fill("cam-01");
      await page.getByLabel("Product").fill("gateway");
      await page.getByLabel("Hardware").fill("rev-a");
      await dialogButton(page, "Register").click();
      await page.getByText(/-t default -u https:\/\/updates\.example -i cam-01 -k /).waitFor();
      await page.goto("/enrolment");
      await page.getByRole("button", { name: "New token…" }).click();
      await dialogButton(page, "Make the token").click();
      await page.getByRole("alert").getByText("https://updates.example").waitFor();
    },
  },
  "a gateway's token is shown once, brings devices until it is deleted, and how often they poll is changed": {
    run: async ({ page, stage }) => {
      await page.goto("/hawkbit");
      await page.getByRole("button", { name: "New gateway token…" }).click();
      await page.getByLabel("Note").fill("line 3");
      await page.getByLabel("Product").fill("gateway");
      await page.getByLabel("Hardware").fill("rev-a");
      await dialogButton(page, "Make the token").click();
      const token = await secretOf(page, "The new gateway token");
      assert.equal(await poll(page, "cam-01", "GatewayToken", token), 200);
      await page.reload();
      await page.getByRole("row").filter({ hasText: "line 3" }).waitFor();
      assert.ok(!(await page.content()).includes(token));
      await page.getByRole("button", { name: "Change the poll interval…" }).click();
      await page.getByLabel("Seconds between polls").fill("60");
      await dialogButton(page, "Change it").click();
      await page.getByText("every 60 seconds").waitFor();
      assert.deepEqual(await stage.api("GET", "/ddi/settings"), { poll_s: 60, by_default: false });
      await page.getByRole("button", { name: /^Delete gateway token/ }).click();
      await dialogButton(page, "Delete").click();
      await page.getByText("No gateway token").waitFor();
      assert.equal(await poll(page, "cam-02", "GatewayToken", token), 401);
    },
  },
  "authorities are set from files, shown with their revocation lists, refused with a key, and removed; who only operates looks": {
    run: async ({ page, stage }) => {
      const ours = await stage.do("authority", { name: "devices-ca" });
      const another = await stage.do("authority", { name: "other-ca" });
      await stage.api("POST", "/users", { name: "olga", password: "a long password", roles: ["operator"] });
      await page.goto("/hawkbit");
      await page.getByText("No certificate counts").waitFor();
      await page.getByRole("button", { name: "Set authorities…" }).click();
      const set = dialogButton(page, "Set them");
      assert.ok(await set.isDisabled());
      await page.getByTestId("authorities").setInputFiles([ours.certificate, ours.key]);
      await page.getByText("There is a private key in it").waitFor();
      assert.ok(await set.isDisabled());
      await page.getByLabel("PEM").fill("");
      await page.getByTestId("authorities").setInputFiles([ours.certificate, another.list]);
      await page.getByText("1 certificate, 1 revocation list").waitFor();
      await set.click();
      await page.getByRole("alert", { name: "Error E2001" }).waitFor();
      await assertAccessible(page, "setting authorities");
      await page.getByLabel("PEM").fill("");
      await page.getByTestId("authorities").setInputFiles([ours.certificate]);
      await page.getByText("1 certificate", { exact: true }).waitFor();
      await page.getByTestId("authorities").setInputFiles([ours.list]);
      await page.getByText("1 certificate, 1 revocation list").waitFor();
      await set.click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const [{ sha256 }] = (await stage.api("GET", "/ddi/authorities")).authorities;
      const row = page.getByRole("table", { name: "Certificate authorities" }).getByRole("row").filter({ hasText: "CN=devices-ca" });
      await row.getByText("in 29 days").waitFor();
      await row.getByTitle(sha256).waitFor();
      await page.getByRole("table", { name: "Revocation lists" }).getByRole("row").filter({ hasText: "CN=devices-ca" }).getByText("Good").waitFor();
      await assertAccessible(page, "authorities");
      await page.getByRole("button", { name: "Remove the authorities" }).click();
      await dialogButton(page, "Remove").click();
      await page.getByText("No certificate counts").waitFor();
      assert.deepEqual(await stage.api("GET", "/ddi/authorities"), { authorities: [], revocation_lists: [] });
      await page.context().clearCookies();
      await enter(page, { user: "olga", password: "a long password" });
      await page.goto("/hawkbit");
      await page.getByText("No certificate counts").waitFor();
      assert.deepEqual((await page.getByRole("main").getByRole("button").allTextContents()).filter(Boolean), ["Register a device…"]);
    },
  },
};
