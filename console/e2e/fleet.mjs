// A small fleet in all its states, for the checks of every page and for the pictures. Everything goes through the server's own API.

const logText = [
  "12:04:01 aloftd: deployment accepted, bundle gateway 2.4.1",
  "12:04:02 aloftd: slot rootfs.1: 148 of 512 MiB differ",
  "12:04:09 aloftd: verified, slot rootfs.1 read back",
  "12:04:10 aloftd: armed, 3 tries",
  "12:04:31 aloftd: on trial in slot rootfs.1",
  "12:04:35 health: unit modem.service failed: exit status 1",
  "12:04:35 health: /dev/ttyUSB2 did not appear within 30 s",
  "12:05:05 aloftd: E6002 health check modem failed; going back to slot rootfs.0",
  "12:05:27 aloftd: slot rootfs.0 runs again, update given up",
].join("\n");

const product = "gateway";
const hardware = ["rev-a", "rev-b"];

export async function fleet(stage, { cams = 9 } = {}) {
  const releases = [];
  for (const version of ["2.3.0", "2.4.0", "2.4.1"]) releases.push((await stage.do("release", { version, product, hardware })).id);
  const names = Array.from({ length: cams }, (_, i) => `cam-${String(i + 1).padStart(2, "0")}`);
  for (const [i, name] of names.entries()) await stage.do("device", { name, product, hardware: hardware[i % 2], version: i % 3 === 0 ? "2.3.0" : "2.4.0" });
  await stage.do("stranger", { name: "cam-new", product, hardware: "rev-b", version: "2.3.0" });
  await stage.do("stranger", { name: "gw-roof-east", product, hardware: "rev-a", version: "2.3.0" });
  for (const note of ["line 3, week 48", "field engineer"]) await stage.api("POST", "/enrolment-tokens", { note });
  await stage.api("POST", "/tokens", { note: "nightly build" });

  const wanted = names.slice(0, 7);
  const ids = await stage.deploy(releases[2], ...wanted);
  const of = Object.fromEntries(wanted.map((name, i) => [name, ids[i]]));
  await stage.commit("cam-01", of["cam-01"], "2.4.1");
  await stage.commit("cam-03", of["cam-03"], "2.4.1");
  await stage.commit("cam-04", of["cam-04"], "2.4.1");
  const failed = of["cam-02"];
  for (const state of ["accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial"]) await stage.do("report", { name: "cam-02", deployment: failed, state });
  await stage.do("report", { name: "cam-02", deployment: failed, state: "rolled-back", error: 6002, message: "health check modem failed: /dev/ttyUSB2 did not appear within 30 s" });
  await stage.do("log", { name: "cam-02", deployment: failed, text: logText });
  for (const state of ["accepted", "downloading"]) await stage.do("report", { name: "cam-05", deployment: of["cam-05"], state });
  await stage.do("report", { name: "cam-05", deployment: of["cam-05"], state: "installing", progress_permille: 640 });
  for (const state of ["accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial"]) await stage.do("report", { name: "cam-06", deployment: of["cam-06"], state });
  await organise(stage, names);
  const rollout = await rollOut(stage);
  return { releases, names, failed, rollout, running: of["cam-05"] };
}

// What makes the pages of administrators full, and names so long that they fit nowhere.
export async function furnish(stage) {
  const long = "gateway_of_the_northern_roof_of_hall_4_0123456789abcdef";
  await stage.do("device", { name: long, product, hardware: hardware[0], version: "2.3.0-rc.1+build.20261126.0123456789abcdef" });
  await stage.do("stranger", { name: `${long}_2`, product });
  await stage.api("POST", "/tags/beta/devices", { add: [long] });
  await stage.api("POST", "/groups", { name: long, filter: `product==${product};name==${long}*;attribute.${long}=is=null` });
  const { id: release } = await stage.do("release", { version: `3.0.0+${long}`, product, hardware });
  await stage.deploy(release, long);
  await stage.api("POST", "/rollouts", { name: `${long}_${long}`, release, filter: `name==${long}`, waves: [{ permille: 1000 }], needs_approval: true });
  await stage.api("POST", "/users", { name: long, password: "a long password", roles: ["viewer", "operator", "releaser", "approver"] });
  await stage.api("POST", "/webhooks", { url: `https://127.0.0.1:9/${long}/${long}`, note: long, events: ["rollout", "deployment", "audit"] });
  await stage.api("POST", "/enrolment-tokens", { note: long });
  await stage.api("POST", "/tokens", { note: long });
  await stage.api("POST", "/ddi/gateways", { note: long, product: long, hardware: long });
  await stage.api("POST", "/ddi/devices", { name: `${long}_3`, product: long, hardware: long });
  await stage.api("POST", "/tenants", { name: "roadrunner-and-coyote-deliveries" });
}

async function organise(stage, names) {
  await stage.api("POST", "/tags/beta/devices", { add: names.slice(0, 3) });
  await stage.api("POST", "/groups", { name: "cameras", description: "All cameras on roofs", filter: "product==gateway;name==cam-*" });
  await stage.api("POST", "/groups", { name: "old-firmware", description: "Below 2.4", filter: "version=lt=2.4" });
  await stage.api("POST", "/groups", { name: "lab", description: "On our desks" });
  await stage.api("POST", "/groups/lab/devices", { add: names.slice(0, 2) });
  await stage.do("inventory", { name: "cam-02", attributes: { kernel: "6.1.0-26", modem: "ec25", "modem.firmware": "EC25EFAR06A11", site: "Hall 4, roof", "storage.free_mib": "3120" } });
}

// A rollout to sensors that stops by itself in its first wave.
async function rollOut(stage) {
  const product = "sensor";
  const names = Array.from({ length: 24 }, (_, i) => `sensor-${String(i + 1).padStart(3, "0")}`);
  for (const name of names) await stage.do("device", { name, product, version: "5.0" });
  const { id: release } = await stage.do("release", { version: "5.1", product });
  const plan = {
    name: "Sensors to 5.1",
    description: "Fixes the clock drift",
    release,
    filter: `product==${product}`,
    waves: [{ count: 10, soak_s: 3600 }, { permille: 600, soak_s: 3600 }, { permille: 1000 }],
    gates: [{ failure: "any", max_permille: 200, min_sample: 5 }],
    deadline_s: 43_200,
    policy: { window: { from: "01:00", until: "05:00" } },
  };
  const { id } = await stage.api("POST", "/rollouts", plan);
  await stage.api("POST", `/rollouts/${id}/start`);
  let ended = 0;
  for (const name of names) {
    const deployment = (await stage.do("poll", { name }))?.deployment?.id;
    if (deployment === undefined || ended === 8) continue;
    ended += 1;
    if (ended <= 5) {
      await stage.commit(name, deployment, "5.1");
      continue;
    }
    await stage.do("report", { name, deployment, state: "on-trial" });
    await stage.do("report", { name, deployment, state: "rolled-back", error: ended === 8 ? 6003 : 6002, message: ended === 8 ? "the system did not come up within 300 s" : "health check radio failed: no carrier" });
  }
  const next = await stage.do("release", { version: "5.2", product });
  await stage.api("POST", "/rollouts", { ...plan, name: "Sensors to 5.2", release: next.id, needs_approval: true });
  return id;
}
