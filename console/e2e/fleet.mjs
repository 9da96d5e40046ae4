// A small fleet in all its states, for the checks of every page and for the pictures. Everything goes through the server's own API.

const logText = [
  "12:04:01 aloftd: deployment accepted, bundle gateway 2.4.1",
  "12:04:02 aloftd: slot rootfs.1: 148 of 512 MiB differ",
  "12:04:09 aloftd: verified, slot rootfs.1 read back",
  "12:04:10 aloftd: armed, 3 tries",
  "12:04:31 aloftd: on trial in slot rootfs.1",
  "12:04:35 health: unit modem.service failed: exit status 1",
  "12:04:35 health: /dev/ttyUSB2 did not appear within 30 s",
  "12:05:05 aloftd: E6004 health check modem failed; going back to slot rootfs.0",
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
  await stage.do("report", { name: "cam-02", deployment: failed, state: "rolled-back", error: 6004, message: "health check modem failed: /dev/ttyUSB2 did not appear within 30 s" });
  await stage.do("log", { name: "cam-02", deployment: failed, text: logText });
  for (const state of ["accepted", "downloading"]) await stage.do("report", { name: "cam-05", deployment: of["cam-05"], state });
  await stage.do("report", { name: "cam-05", deployment: of["cam-05"], state: "installing", progress_permille: 640 });
  for (const state of ["accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial"]) await stage.do("report", { name: "cam-06", deployment: of["cam-06"], state });
  return { releases, names, failed, running: of["cam-05"] };
}
