#!/usr/bin/env python3
"""The real aloftd on other layouts than A/B: three groups, a normal system with a recovery system; dry runs; factory reset.

Programs are taken from $ALOFT_BUILD; ALOFT_AGENT and ALOFT_CLI name others.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, read_env, wait_for, write_env  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
SLOT_BYTES = 4 << 20


def snapshot(*folders):
    """Every file's content, and when it was last written."""
    return {path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode)
            for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


class LayoutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.images = {}
        for version, slot_class in (("2.0", "rootfs"), ("3.0", "rootfs"), ("4.0", "rootfs"), ("r2", "recovery")):
            image = cls.vendor.folder / f"image-{version}"
            image.write_bytes((os.urandom(64 << 10) + bytes(64 << 10)) * 8)
            cls.vendor.pack(version, "--image", f"{slot_class}={image}")
            cls.images[version] = image.read_bytes()

    def make(self, tables, env):
        self.device = Device(TOOLS, self.vendor.trust, slots="#")
        folder = self.device.folder
        self.device.slots = tables.replace("FOLDER", str(folder))
        self.device.configure(self.vendor.trust, None)
        write_env(self.device.env, env)
        self.addCleanup(self.device.stop, kill=True)
        return folder

    def make_groups(self, names):
        folder = self.make("\n".join(f'[group.{name}.rootfs]\ndevice = "FOLDER/slot-{name}"' for name in names),
                           {"ORDER": " ".join(names), **{f"{name}_STATE": "good" for name in names}})
        for name in names:
            (folder / f"slot-{name}").write_bytes(bytes(SLOT_BYTES))

    def make_recovery(self):
        folder = self.make('[group.N.rootfs]\ndevice = "FOLDER/slot-N"\n[group.R]\nrole = "recovery"\n[group.R.recovery]\ndevice = "FOLDER/slot-R"',
                           {"ORDER": "N R", "N_STATE": "good", "R_STATE": "good"})
        for name in "NR":
            (folder / f"slot-{name}").write_bytes(bytes(SLOT_BYTES))

    def bundle(self, version):
        return str(self.vendor.folder / f"{version}.aloft")

    def install(self, version):
        done = self.device.run("install", self.bundle(version))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.device.wait_for_reboot()

    def holds(self, group, version):
        return self.device.slot(group).startswith(self.images[version])

    def versions(self):
        return [(update["number"], update["version"], update["state"]) for update in json.loads(self.device.run("history", "--json").stdout)]

    # A/B/C

    def test_three_groups_take_turns(self):
        self.make_groups("ABC")
        self.device.power_on("1.0")
        for version, group in (("2.0", "C"), ("3.0", "B"), ("4.0", "A")):
            self.install(version)
            self.assertEqual(self.device.power_on(version), group)
            self.device.wait_for_state("committed")
            self.assertTrue(self.holds(group, version))
        self.assertEqual(read_env(self.device.env)["ORDER"], "A B C")

    # Normal and recovery

    def test_the_recovery_system_installs_the_normal_one(self):
        self.make_recovery()
        self.assertEqual(self.device.power_on("1.0"), "N")
        self.install("2.0")
        self.assertFalse(self.holds("N", "2.0"), "the running system is not written")
        self.assertEqual(self.device.power_on("r1"), "R")
        self.device.wait_for_reboot()
        self.assertTrue(self.holds("N", "2.0"))
        self.assertEqual(self.device.power_on("2.0"), "N")
        status = self.device.wait_for_state("committed")
        self.assertEqual((status["group"], status["update"]["group"]), ("N", "N"))
        self.assertEqual(read_env(self.device.env), {"ORDER": "N R", "N_STATE": "good", "R_STATE": "good"})

    def test_a_normal_system_that_fails_leaves_the_device_in_reach(self):
        self.make_recovery()
        self.device.power_on("1.0")
        self.install("2.0")
        self.device.power_on("r1")
        self.device.wait_for_reboot()
        for _ in range(3):
            self.assertEqual(self.device.power_on("2.0", start=False), "N")
        self.assertEqual(self.device.power_on("r1"), "R")
        self.assertEqual(self.device.wait_for_state("rolled-back")["update"]["error"]["name"], "tries-used")
        self.install("3.0")
        self.assertEqual(self.device.power_on("3.0"), "N")
        self.device.wait_for_state("committed")

    def test_a_recovery_system_that_does_not_come_up_costs_nothing(self):
        self.make_recovery()
        self.device.power_on("1.0")
        before = self.device.slot("N")
        self.install("2.0")
        for _ in range(3):
            self.assertEqual(self.device.power_on("r1", start=False), "R")
        self.assertEqual(self.device.power_on("1.0"), "N")
        self.assertEqual(self.device.wait_for_state("failed")["update"]["error"]["name"], "recovery-not-booted")
        self.assertEqual(self.device.slot("N"), before)
        self.install("2.0")
        self.assertEqual(self.device.power_on("r1"), "R", "it is tried again")
        self.device.wait_for_reboot()
        self.assertEqual(self.device.power_on("2.0"), "N")
        self.device.wait_for_state("committed")

    def test_a_recovery_system_that_is_half_written_is_never_started(self):
        self.make_recovery()
        self.device.power_on("1.0")
        write_env(self.device.env, {"ORDER": "N R", "N_STATE": "good", "R_STATE": "0"})
        self.assertEqual(self.device.run("install", self.bundle("2.0")).returncode, 0)
        self.assertEqual(self.device.wait_for_state("failed")["update"]["error"]["name"], "no-recovery")
        self.assertIn("E6020 no-recovery", self.device.run("install", "--dry-run", self.bundle("2.0")).stdout)

    def test_a_bundle_that_is_gone_in_the_recovery_system_leads_home(self):
        self.make_recovery()
        self.device.power_on("1.0")
        copy = self.device.folder / "stick.aloft"
        copy.write_bytes(pathlib.Path(self.bundle("2.0")).read_bytes())
        self.assertEqual(self.device.run("install", str(copy)).returncode, 0)
        self.device.wait_for_reboot()
        copy.unlink()
        self.assertEqual(self.device.power_on("r1"), "R")
        self.device.wait_for_reboot()
        self.assertEqual(self.device.power_on("1.0"), "N")
        self.assertEqual(self.device.wait_for_state("failed")["update"]["error"]["name"], "not-found")

    def test_the_normal_system_replaces_the_recovery_system(self):
        self.make_recovery()
        self.device.power_on("1.0")
        self.install("r2")
        self.assertTrue(self.holds("R", "r2"))
        self.assertEqual(self.device.power_on("r2"), "R")
        self.device.wait_for_reboot()
        self.assertEqual(self.device.power_on("1.0"), "N")
        self.assertEqual(self.device.wait_for_state("committed")["group"], "N")
        self.assertEqual(read_env(self.device.env)["R_STATE"], "good")

    def test_a_pipe_is_refused_before_anything_happens(self):
        self.make_recovery()
        self.device.power_on("1.0")
        with open(self.bundle("2.0"), "rb") as bundle:
            sender = subprocess.Popen(["cat"], stdin=bundle, stdout=subprocess.PIPE)
            done = self.device.run("install", "-", stdin=sender.stdout)
            sender.stdout.close()
            sender.wait()
        self.assertIn("E6022", done.stdout + done.stderr)
        self.assertEqual(read_env(self.device.env)["ORDER"], "N R")

    # Dry run

    def test_dry_run_writes_nothing_and_tells_the_truth(self):
        self.make_groups("AB")
        self.device.power_on("1.0")
        self.device.stop()
        before = snapshot(self.device.folder, self.vendor.folder)
        done = self.device.run("install", "--dry-run", "--json", self.bundle("2.0"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(snapshot(self.device.folder, self.vendor.folder), before)
        plan = json.loads(done.stdout)
        self.assertTrue(plan["would_install"])
        self.assertEqual((plan["running"], plan["target"]), ("A", "B"))
        image = plan["images"][0]
        self.assertEqual(image["device"], str(self.device.folder / "slot-B"))
        self.assertEqual((image["frames"], image["frames_in_place"]), (16, 8))
        self.assertEqual(image["write_bytes"], 8 * (64 << 10))
        self.device.start()
        self.install("2.0")
        self.assertIn(f"fetched ({image['fetch_bytes']} bytes)", self.device.log_text())
        self.assertIn(f"{image['write_bytes']} bytes written", self.device.log_text())
        again = json.loads(self.device.run("install", "--dry-run", "--json", self.bundle("2.0")).stdout)
        self.assertFalse(again["would_install"])
        self.assertEqual(again["obstacles"][0]["name"], "not-now")
        self.assertEqual(again["images"][0]["frames_in_place"], 16)

    def test_dry_run_on_a_device_that_never_ran_the_agent(self):
        self.make_groups("AB")
        self.device.power_on("1.0", start=False)
        before = snapshot(self.device.folder)
        done = self.device.run("install", "--dry-run", self.bundle("2.0"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(snapshot(self.device.folder), before)
        self.assertFalse((self.device.folder / "state").exists(), "not even the state folder is made")

    def test_dry_run_names_what_would_stop_it(self):
        self.make_groups("AB")
        self.device.power_on("1.0", start=False)
        os.truncate(self.device.folder / "slot-B", 64 << 10)
        done = self.device.run("install", "--dry-run", self.bundle("2.0"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("slot-too-small", done.stdout)
        self.assertIn("E8052 would-not-install", done.stderr)

    # Factory reset

    def test_factory_reset(self):
        self.make_groups("AB")
        folder = self.device.folder
        with open(folder / "system.toml", "a") as config:
            config.write(f'[factory_reset]\nfolders = ["{folder}/app"]\n')
        (folder / "app" / "deep").mkdir(parents=True)
        (folder / "app" / "deep" / "photo").write_text("private")
        self.device.power_on("1.0")
        self.install("2.0")
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        history = self.versions()
        self.assertEqual(self.device.run("factory-reset", "--carry-out").returncode, 0)
        self.assertTrue((folder / "app" / "deep" / "photo").exists(), "nobody has asked for it")
        self.assertIn("E8051", self.device.run("factory-reset").stderr)
        self.assertEqual(self.device.run("factory-reset", "--yes").returncode, 0)
        self.assertTrue((folder / "app" / "deep" / "photo").exists(), "not before the restart")
        self.device.stop()
        self.assertIn("done", self.device.run("factory-reset", "--carry-out").stdout)
        self.assertEqual(list((folder / "app").iterdir()), [])
        self.device.start()
        self.assertEqual(self.versions(), history)
        wait_for("the agent answers", lambda: self.device.status().get("group") == "B")


if __name__ == "__main__":
    unittest.main()
