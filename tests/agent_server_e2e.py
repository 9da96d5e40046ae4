#!/usr/bin/env python3
"""The real aloftd and the real aloft-server: enrolment, deployments that arrive at once, reports of every way an update can end."""
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import server_harness  # noqa: E402
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))


class AgentAndServerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.bundles = {version: cls.vendor.bundle(version) for version in ("2.0", "3.0")}

    def setUp(self):
        self.server = server_harness.Server().start().set_up()
        self.addCleanup(self.server.destroy)
        token = self.server.operator("POST", "/api/v1/enrolment-tokens", {"note": "test"})["token"]
        self.device = self.make_device("cam-01", token)

    def make_device(self, name, token):
        device = Device(TOOLS, self.vendor.trust, server={"url": f"https://127.0.0.1:{self.server.port}", "name": name, "token": token})
        self.addCleanup(device.stop, kill=True)
        return device

    def connected(self, device=None):
        return wait_for("connected", lambda: (device or self.device).status().get("server", {}).get("connected"), 20)

    def deploy(self, version):
        release = self.server.operator("POST", "/api/v1/releases", self.bundles[version][0].read_bytes())
        return self.server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["cam-01"]})["deployments"][0]["id"]

    def deployment(self, number):
        return self.server.operator("GET", f"/api/v1/deployments/{number}")

    def wait_for_end(self, number, state):
        return wait_for(f"deployment is {state}", lambda: (lambda d: d if d["state"] == state else None)(self.deployment(number)), 30)

    def states(self, number):
        seen = []
        for transition in self.deployment(number)["transitions"]:
            if transition["from"] == "device" and (not seen or seen[-1] != transition["state"]):
                seen.append(transition["state"])
        return seen

    def test_deployment_arrives_within_a_second_and_is_committed(self):
        self.device.power_on()
        self.connected()
        begin = time.monotonic()
        number = self.deploy("2.0")
        wait_for("the device has it", lambda: self.device.status().get("update", {}).get("deployment") == number, 5)
        self.assertLess(time.monotonic() - begin, 2.0, "one second, and this test's own process starts")
        self.device.wait_for_reboot()
        self.assertEqual(self.device.slot("B")[: len(self.bundles["2.0"][1])], self.bundles["2.0"][1])
        self.device.power_on("2.0")
        self.wait_for_end(number, "committed")
        self.assertEqual(self.states(number), ["offered", "accepted", "downloading", "installing", "verified", "armed", "rebooting", "on-trial", "committed"])
        wait_for("the server knows the version", lambda: self.server.operator("GET", "/api/v1/devices/cam-01")["version"] == "2.0")

    def test_a_rollout_waits_for_consent_and_the_window(self):
        scripts = self.device.folder / "inventory.d"
        scripts.mkdir()
        (scripts / "10-modem").write_text("#!/bin/sh\necho modem=ec25\n")
        (scripts / "10-modem").chmod(0o755)
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text() + f'\n[inventory]\ndir = "{scripts}"\n')
        self.device.power_on()
        self.connected()
        wait_for("the inventory is there", lambda: self.server.operator("GET", "/api/v1/devices/cam-01").get("attributes") == {"modem": "ec25"})
        release = self.server.operator("POST", "/api/v1/releases", self.bundles["2.0"][0].read_bytes())
        hour = time.localtime().tm_hour
        closed = {"from": f"{(hour + 3) % 24:02}:00", "until": f"{(hour + 5) % 24:02}:00"}

        def roll_out(policy):
            rollout = self.server.operator("POST", "/api/v1/rollouts", {"name": "x", "release": release["id"], "filter": "attribute.modem==ec25", "policy": policy})
            self.server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/start", {})
            waiting = wait_for("the device waits", lambda: (lambda d: d if d and d[0]["state"] == "deferred" else None)(
                self.server.operator("GET", "/api/v1/deployments?active=true")["deployments"]))
            return rollout["id"], waiting[0]

        rollout, waiting = roll_out({"window": closed})
        self.assertEqual(waiting["error"], 8042)
        self.assertNotEqual(self.device.run("accept", check=False).returncode, 0)
        self.server.operator("POST", f"/api/v1/rollouts/{rollout}/abort", {})
        rollout, waiting = roll_out({"consent": True})
        self.assertEqual(waiting["error"], 8043)
        why = self.server.operator("GET", "/api/v1/devices/cam-01/why")
        self.assertIn("aloftd accept", why["reasons"][0]["text"])
        self.device.run("accept")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.wait_for_end(waiting["id"], "committed")
        wait_for("the rollout is done", lambda: self.server.operator("GET", f"/api/v1/rollouts/{rollout}")["state"] == "finished")

    def test_what_was_deferred_goes_on_within_its_window_only(self):
        self.device.power_on()
        self.connected()
        self.device.run("defer", "1h")
        release = self.server.operator("POST", "/api/v1/releases", self.bundles["2.0"][0].read_bytes())
        hour = time.localtime().tm_hour
        window = {"from": f"{(hour - 1) % 24:02}:00", "until": f"{(hour + 2) % 24:02}:00"}
        number = self.server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["cam-01"], "policy": {"window": window}})[
            "deployments"][0]["id"]
        self.device.wait_for_state("deferred")
        self.device.stop()
        # Half a day later; the hour is another by the device's time zone, for a clock can hardly be moved here.
        zone = os.environ.get("TZ")
        self.addCleanup(lambda: os.environ.update(TZ=zone) if zone else os.environ.pop("TZ", None))
        os.environ["TZ"] = f"XYZ{time.timezone // 3600 - 8}"
        (self.device.folder / "state/deferred-until").unlink()
        port = self.server.port
        self.server.stop()
        self.device.start()
        self.assertEqual(self.device.wait_for_state("deferred", 5)["update"]["error"]["number"], 8042, "without a word from the server")
        self.server.start(port)
        self.connected()
        self.device.run("check")
        wait_for("the server knows why", lambda: self.deployment(number).get("error") == 8042)
        self.assertFalse((self.device.folder / "rebooted").exists())
        self.device.stop()
        os.environ["TZ"] = zone or ""
        if not zone:
            del os.environ["TZ"]
        self.device.start()
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.wait_for_end(number, "committed")

    def test_reboots_and_metrics_are_told_by_version(self):
        scripts, panics = self.device.folder / "metrics.d", self.device.folder / "pstore"
        scripts.mkdir()
        panics.mkdir()
        (scripts / "10-board").write_text("#!/bin/sh\necho cpu-temp 51.5\necho nonsense\n")
        (scripts / "10-board").chmod(0o755)
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("[agent]\n", f'[agent]\npanic_dirs = ["{panics}"]\n') + f'\n[metrics]\ndir = "{scripts}"\n')

        def told(check):
            def there():
                health = self.server.operator("GET", "/api/v1/devices/cam-01/health")
                return health if health["versions"] and check(health) else None
            return wait_for("the server knows how the device is", there, 30)

        def reboots(version):
            return told(lambda h: version in {v["version"] for v in h["versions"]})["versions"][-1]["reboots"]
        self.device.power_on()
        health = told(lambda h: "cpu-temp" in h["versions"][0]["metrics"])
        self.assertEqual(health["last_boot"], "requested")
        self.assertEqual(health["versions"][0]["metrics"]["cpu-temp"]["mean"], 51.5)
        self.assertIn("free-mib.state", health["versions"][0]["metrics"])
        number = self.deploy("2.0")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.wait_for_end(number, "committed")
        self.assertEqual(reboots("2.0"), {"requested": 1}, "the update's own restart is no crash")
        self.device.stop(kill=True)
        (panics / "dmesg-ramoops-0").write_text("Kernel panic - not syncing")
        self.device.power_on()
        crashed = told(lambda h: h["versions"][0]["reboots"] == {"panic": 1})
        self.assertEqual((crashed["last_boot"], crashed["versions"][0]["version"]), ("panic", "2.0"))
        self.device.stop(kill=True)
        self.device.power_on()
        told(lambda h: h["versions"][0]["reboots"] == {"panic": 1, "unclear": 1} and h["last_boot"] == "unclear")
        self.device.stop()
        self.device.power_on()
        told(lambda h: h["versions"][0]["reboots"] == {"panic": 1, "unclear": 1, "requested": 1})

    def hold(self, version):
        release = self.server.operator("POST", "/api/v1/releases", self.bundles[version][0].read_bytes())
        order = {"release": release["id"], "devices": ["cam-01"], "policy": {"download_only": True}}
        return self.server.operator("POST", "/api/v1/deployments", order)["deployments"][0]["id"]

    def test_what_is_download_only_is_installed_when_it_is_released(self):
        self.device.power_on()
        self.connected()
        number = self.hold("2.0")
        waiting = self.wait_for_end(number, "deferred")
        self.assertEqual(waiting["error"], 8064)
        self.assertEqual(waiting["message"], f"downloaded, not installed: it waits for its release: aloft deployment release {number}")
        self.assertEqual(self.device.slot("B")[: len(self.bundles["2.0"][1])], self.bundles["2.0"][1])
        fetched = waiting["download"]["fetched_bytes"]
        for _ in range(2):  # a power cut, and one with the server away
            self.device.stop(kill=True)
            self.device.power_on()
            self.connected()
            self.device.run("check")
            self.assertEqual(self.device.status()["update"]["error"]["number"], 8064)
            self.assertFalse((self.device.folder / "rebooted").exists())
        begin = time.monotonic()
        self.server.operator("POST", f"/api/v1/deployments/{number}/release", {})
        self.device.wait_for_reboot()
        self.assertLess(time.monotonic() - begin, 10, "it is told at once")
        self.device.power_on("2.0")
        ended = self.wait_for_end(number, "committed")
        self.assertLess(ended["download"]["fetched_bytes"], fetched * 3 // 2, "what is there is not fetched again")
        with self.assertRaises(server_harness.Refused) as refused:
            self.server.operator("POST", f"/api/v1/deployments/{number}/release", {})
        self.assertEqual((refused.exception.status, refused.exception.number), (409, 9043))

    def test_a_hold_holds_without_the_server_and_a_release_meanwhile_counts(self):
        self.device.power_on()
        self.connected()
        number = self.hold("2.0")
        self.wait_for_end(number, "deferred")
        port = self.server.port
        self.server.kill()
        self.device.stop(kill=True)
        self.device.power_on()
        time.sleep(2)
        self.assertEqual(self.device.status()["update"]["state"], "deferred")
        self.device.stop(kill=True)
        self.server.start(port)
        self.server.operator("POST", f"/api/v1/deployments/{number}/release", {})
        self.device.power_on()
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.wait_for_end(number, "committed")

    def test_a_rollout_is_downloaded_ahead_and_installed_on_command(self):
        self.device.power_on()
        self.connected()
        release = self.server.operator("POST", "/api/v1/releases", self.bundles["2.0"][0].read_bytes())
        rollout = self.server.operator("POST", "/api/v1/rollouts", {"name": "x", "release": release["id"], "filter": "name==cam-01", "policy": {"download_only": True}})
        self.server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/start", {})
        waiting = wait_for("it is downloaded", lambda: (lambda d: d if d and d[0]["state"] == "deferred" else None)(
            self.server.operator("GET", "/api/v1/deployments?active=true")["deployments"]))[0]
        self.assertEqual(waiting["error"], 8064)
        why = self.server.operator("GET", "/api/v1/devices/cam-01/why")
        self.assertIn("downloaded, not installed", why["reasons"][0]["text"])
        released = self.server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/release", {})
        self.assertNotIn("download_only", released.get("policy", {}))
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.wait_for_end(waiting["id"], "committed")
        wait_for("the rollout is done", lambda: self.server.operator("GET", f"/api/v1/rollouts/{rollout['id']}")["state"] == "finished")

    def test_what_is_held_can_be_withdrawn(self):
        self.device.power_on()
        self.connected()
        number = self.hold("2.0")
        self.wait_for_end(number, "deferred")
        self.server.operator("POST", f"/api/v1/deployments/{number}/cancel")
        self.device.wait_for_state("cancelled")
        later = self.deploy("3.0")
        self.device.wait_for_reboot()
        self.device.power_on("3.0")
        self.wait_for_end(later, "committed")

    def test_a_deployment_that_is_begun_again_is_told_again(self):
        self.device.power_on()
        self.connected()
        number = self.hold("2.0")
        self.wait_for_end(number, "deferred")
        self.device.run("install", self.vendor.bundle("4.0", security_version=5)[0])
        self.device.wait_for_reboot()
        self.device.power_on("4.0")
        self.assertEqual(self.wait_for_end(number, "failed")["error"], 3022, "what was installed by hand has raised the floor")

    def test_health_failure_is_told_with_reason_and_log(self):
        self.device.power_on()
        self.connected()
        number = self.deploy("2.0")
        self.device.wait_for_reboot()
        check = self.device.health / "camera"
        check.write_text("#!/bin/sh\necho no picture\nexit 1\n")
        check.chmod(0o755)
        self.device.power_on("2.0")
        self.device.wait_for_reboot()
        self.device.power_on("1.0")
        ended = self.wait_for_end(number, "rolled-back")
        self.assertEqual(ended["error"], 6002)
        self.assertIn("no picture", ended["message"])
        wait_for("the log is there", lambda: self.deployment(number)["log"])
        log = self.server.operator("GET", f"/api/v1/deployments/{number}/log").decode()
        self.assertIn("health check camera failed", log)
        self.assertIn("--- restart ---", log)
        check.unlink()
        self.device.stop()
        self.device.start()
        self.connected()
        self.assertFalse((self.device.folder / "rebooted").exists(), "it is not tried again")

    def test_panic_is_told(self):
        self.device.power_on()
        self.connected()
        number = self.deploy("2.0")
        self.device.wait_for_reboot()
        for _ in range(3):
            self.device.power_on(start=False)
        self.device.power_on()
        self.assertEqual(self.wait_for_end(number, "rolled-back")["error"], 6003)

    def test_unreachable_server_is_no_good_trial(self):
        self.device.power_on()
        self.connected()
        number = self.deploy("2.0")
        self.device.wait_for_reboot()
        port = self.server.port
        self.server.kill()
        text = (self.device.folder / "system.toml").read_text()
        (self.device.folder / "system.toml").write_text(text.replace("deadline_s = 20", "deadline_s = 3"))
        self.device.power_on("2.0")
        self.device.wait_for_reboot()
        self.server.start(port)
        self.device.power_on("1.0")
        ended = self.wait_for_end(number, "rolled-back")
        self.assertIn("was not reached within 3 s", ended["message"])

    def test_waits_for_acceptance_without_token(self):
        device = self.make_device("cam-02", "")
        text = (device.folder / "system.toml").read_text()
        (device.folder / "system.toml").write_text(text.replace("enrol_token_file", f'fingerprint = "{self.server.fingerprint}"\nenrol_token_file'))
        device.power_on()
        wait_for("it is told to wait", lambda: "E8030 not-accepted" in device.status().get("server", {}).get("problem", ""))
        shown = self.server.operator("GET", "/api/v1/devices/cam-02")["key_sha256"]
        self.assertRegex(shown, "^[0-9a-f]{64}$")
        self.assertEqual(device.status()["server"].get("key_sha256"), shown, "so that people can compare it")
        self.assertIn(shown, device.run("status").stdout)
        self.assertIn(shown, device.run("doctor").stdout)
        self.server.operator("POST", "/api/v1/devices/cam-02/accept")
        self.connected(device)

    def test_another_certificate_is_refused(self):
        token = self.server.operator("POST", "/api/v1/enrolment-tokens", {"note": "test"})["token"]
        device = self.make_device("cam-03", token.split(".")[0] + "." + "00" * 32)
        device.power_on()
        wait_for("the pin does not match", lambda: "E7004" in device.status().get("server", {}).get("problem", ""))

    def test_reports_outlive_the_server(self):
        self.device.power_on()
        self.connected()
        number = self.deploy("2.0")
        self.device.wait_for_reboot()
        port = self.server.port
        self.server.kill()
        text = (self.device.folder / "system.toml").read_text()
        (self.device.folder / "system.toml").write_text(text.replace("require_units", "require_server = false\nrequire_units"))
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        self.device.stop(kill=True)
        self.server.start(port)
        self.device.start()
        self.wait_for_end(number, "committed")
        self.assertEqual(self.states(number)[-2:], ["on-trial", "committed"])

    def test_cancelled_deployment_stops_the_install(self):
        self.device.power_on()
        self.connected()
        self.device.run("defer", "1h")
        number = self.deploy("2.0")
        self.wait_for_end(number, "deferred")
        self.server.operator("POST", f"/api/v1/deployments/{number}/cancel")
        self.device.wait_for_state("cancelled")
        self.assertEqual(self.device.run("defer", "0").returncode, 0)
        later = self.deploy("3.0")
        self.device.wait_for_reboot()
        self.device.power_on("3.0")
        self.wait_for_end(later, "committed")

    def test_deferral_ends_by_itself(self):
        self.device.power_on()
        self.connected()
        self.device.run("defer", "3s")
        number = self.deploy("2.0")
        self.wait_for_end(number, "deferred")
        self.device.wait_for_reboot()

    @unittest.skipUnless(os.geteuid() == 0, "needs to mount")
    def test_trouble_is_told_and_the_deployment_waits_for_its_end(self):
        self.device.power_on()
        self.connected()
        self.device.stop()
        state = self.device.folder / "state"
        subprocess.run(["mount", "--bind", state, state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", state])
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        self.device.start()
        self.connected()
        known = wait_for("the server knows", lambda: self.server.operator("GET", "/api/v1/devices/cam-01").get("problem"))
        self.assertEqual(known["error"], 6011)
        number = self.deploy("2.0")
        self.assertEqual(self.wait_for_end(number, "deferred")["error"], 6011)
        subprocess.run(["mount", "-o", "remount,bind,rw", state], check=True)
        self.assertEqual(self.device.run("check").returncode, 0)
        self.device.wait_for_reboot()
        self.assertNotIn("problem", self.server.operator("GET", "/api/v1/devices/cam-01"))
        self.device.power_on("2.0")
        self.wait_for_end(number, "committed")

    def test_device_key_that_is_none_is_replaced_and_enrolled_anew(self):
        self.device.power_on()
        self.connected()
        self.device.stop()
        key = self.device.folder / "state" / "device-key.pem"
        key.write_text("no key\n")
        self.device.start()
        wait_for("the name is taken", lambda: "belongs to a device with another key" in self.device.status().get("server", {}).get("problem", ""))
        self.server.operator("DELETE", "/api/v1/devices/cam-01")
        self.device.run("check")
        self.connected()  # its token is still good for this name

    def test_idle_memory_while_connected(self):
        self.device.power_on()
        self.connected()
        wait_for("at most 8 MiB resident, with the poll open", lambda: self.device.resident_kib() <= 8192, 40)
        self.assertTrue(self.device.status()["server"]["connected"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
