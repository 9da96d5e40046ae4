import assert from "node:assert/strict";

const events = (url) => url.pathname === "/api/v1/events";

// A deployment whose log is written: unlike lists, a log that is shown is asked for again only when the server tells of a change.
async function written(stage) {
  await stage.do("device", { name: "cam-01" });
  const { id } = await stage.do("release", { version: "2.0" });
  const [deployment] = await stage.deploy(id, "cam-01");
  await stage.do("poll", { name: "cam-01" });
  const write = async (text) => {
    await stage.do("log", { name: "cam-01", deployment, text });
    await stage.do("report", { name: "cam-01", deployment, state: "downloading" });
  };
  await write("the first line");
  return { deployment, write };
}
const reads = (page, text) => page.getByLabel("Log").getByText(text).waitFor();

export const liveCases = {
  "seven windows of one browser share one connection for live events, also when the one that holds it is closed": {
    run: async ({ page, stage }) => {
      const { deployment, write } = await written(stage);
      const opened = [];
      page.context().on("request", (request) => events(new URL(request.url())) && opened.push(request.frame().page()));
      const pages = [page];
      for (let i = 1; i <= 7; i += 1) {
        await pages.at(-1).goto(`/deployments/${deployment}`);
        await reads(pages.at(-1), "the first line");
        if (i < 7) pages.push(await page.context().newPage());
      }
      await write("the second line");
      for (const each of pages) await reads(each, "the second line");
      assert.deepEqual(opened.map((each) => pages.indexOf(each)), [0]);
      await page.close();
      await write("the third line"); // perhaps before another one listens
      await reads(pages[6], "the third line");
    },
  },
  "live events that are refused once are asked for again, and so is what was missed meanwhile": {
    run: async ({ page, stage }) => {
      const { deployment, write } = await written(stage);
      let refusals = 1;
      await page.route(events, (route) => (refusals-- > 0 ? route.fulfill({ status: 503, body: "" }) : route.continue()));
      await page.goto(`/deployments/${deployment}`);
      await reads(page, "the first line");
      await write("the second line");
      await reads(page, "the second line");
      await write("the third line");
      await reads(page, "the third line");
    },
  },
  "a deployment is followed to its end also where live events are refused": {
    run: async ({ page, stage }) => {
      const { deployment } = await written(stage);
      await page.route(/\/events$/, (route) => route.fulfill({ status: 502, body: "" }));
      await page.goto(`/deployments/${deployment}`);
      await reads(page, "the first line");
      await stage.commit("cam-01", deployment, "2.0");
      await page.getByRole("region", { name: "What happened" }).getByText("Committed").waitFor();
    },
  },
};
