import assert from "node:assert/strict";

export const enrolmentCases = {
  "a waiting device is accepted after its key has been shown, another rejected": {
    run: async ({ page, stage }) => {
      await stage.do("stranger", { name: "new-01" });
      await stage.do("stranger", { name: "new-02" });
      const { key_sha256: digest } = await stage.api("GET", "/devices/new-01");
      await page.goto("/");
      await page.getByRole("link", { name: "Enrolment 2 waiting" }).click();
      await page.getByRole("button", { name: "Accept new-01" }).click();
      await page.getByRole("dialog").getByText(digest).waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Accept" }).click();
      await page.getByRole("link", { name: "new-01" }).waitFor({ state: "detached" });
      assert.equal(await stage.do("accepted", { name: "new-01" }), true);
      await page.getByRole("button", { name: "Reject new-02" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
      await page.getByText("Nobody waits").waitFor();
      assert.equal((await stage.api("GET", "/devices/new-02")).status, "rejected");
    },
  },
  "a one-time token is shown once and lets a device in; a deleted one lets nobody in": {
    run: async ({ page, stage }) => {
      await page.goto("/enrolment");
      await page.getByRole("button", { name: "New token…" }).click();
      await page.getByLabel("Note").fill("line 3");
      await page.getByRole("button", { name: "Make the token" }).click();
      const note = page.getByRole("alert").filter({ hasText: "shown this once" });
      const token = await note.locator("code").first().textContent();
      assert.match(token, /^[\w-]{43}\.[0-9a-f]{64}$/);
      assert.equal(await stage.do("enrol_with", { name: "cam-01", token }), true);
      await page.getByRole("link", { name: "cam-01" }).waitFor();
      await page.reload();
      await page.getByText("line 3").waitFor();
      await page.getByRole("row").filter({ hasText: "line 3" }).getByText(/^Used (now|\d+ sec\. ago)$/).waitFor();
      assert.equal(await page.getByText(/in \d+ days/).count(), 0);
      assert.ok(!(await page.content()).includes(token));
      const { id } = await stage.api("POST", "/enrolment-tokens", { note: "lost" });
      await page.getByRole("row").filter({ hasText: "lost" }).getByText(/^Open, expires in \d days$/).waitFor();
      await page.getByRole("button", { name: `Delete token ${id}` }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await page.getByText("lost").waitFor({ state: "detached" });
      assert.equal((await stage.api("GET", "/enrolment-tokens")).enrolment_tokens.length, 1);
    },
  },
};
