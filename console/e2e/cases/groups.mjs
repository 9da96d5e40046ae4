import assert from "node:assert/strict";

const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });

export const groupCases = {
  "the query bar finds devices by a word or a filter, counts them, and shows where a filter is wrong": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01", version: "2.9" });
      await stage.do("device", { name: "cam-02", version: "2.10" });
      await stage.do("device", { name: "gate-01", version: "2.10" });
      await page.goto("/devices");
      await page.getByRole("link", { name: "gate-01" }).waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("cam");
      await page.keyboard.press("Enter");
      await row(page, "gate-01").waitFor({ state: "detached" });
      await page.getByText("2 devices match").waitFor();
      const bar = page.getByRole("textbox", { name: "Filter" });
      await bar.fill("name==cam-*;version=ge=2.10");
      await bar.press("Enter");
      await page.getByText("1 device matches").waitFor();
      await row(page, "cam-02").waitFor();
      await bar.fill("version=xx=2");
      await bar.press("Enter");
      await page.getByRole("alert").getByText(/96\d\d/).first().waitFor();
      await page.getByRole("button", { name: "Clear the filter" }).click();
      await row(page, "gate-01").waitFor();
    },
  },
  "a filter is saved as a group, and the group follows its devices": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await page.goto("/devices?q=name==cam-*");
      await page.getByRole("button", { name: "Save as group…" }).click();
      await page.getByLabel("Name").fill("cameras");
      await page.getByRole("button", { name: "Make the group" }).click();
      await page.getByRole("heading", { name: "Groups", level: 1 }).waitFor();
      await row(page, "cameras").getByText("name==cam-*").waitFor();
      await stage.do("device", { name: "cam-02" });
      await row(page, "cameras").getByRole("cell", { name: "2", exact: true }).waitFor();
      await page.getByRole("link", { name: "cameras" }).click();
      await page.getByText("2 devices match").waitFor();
    },
  },
  "devices are tagged and put into a group by hand, and their page says so": {
    run: async ({ page, stage }) => {
      await stage.do("device", { name: "cam-01" });
      await stage.api("POST", "/groups", { name: "lab" });
      await page.goto("/devices");
      await page.getByLabel("Choose cam-01").check();
      await page.getByRole("button", { name: "Tag…" }).click();
      await page.getByRole("combobox", { name: "Tag" }).fill("beta");
      await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.getByRole("button", { name: "Group…" }).click();
      await page.getByRole("combobox", { name: "Group" }).click();
      await page.getByRole("option", { name: "lab" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      const device = await stage.api("GET", "/devices/cam-01");
      assert.deepEqual([device.tags, device.groups], [["beta"], ["lab"]]);
      await page.getByRole("link", { name: "cam-01" }).click();
      await page.getByRole("link", { name: "beta" }).waitFor();
      await page.getByRole("link", { name: "lab" }).waitFor();
    },
  },
};
