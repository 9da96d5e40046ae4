#!/usr/bin/env python3
"""The real aloftd on a device where something is broken: state, slots, boot state, clock.

Programs are taken from $ALOFT_BUILD; ALOFT_AGENT and ALOFT_CLI name others.
"""
import glob
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, read_env, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") if b"__asan" not in pathlib.Path(TOOLS.aloftd).read_bytes() else []


class TroubleTest(unittest.TestCase):
    """What is broken on the device: the agent is there, tells it, and mends what it can."""

    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.good, cls.image = cls.vendor.bundle("2.0")

    def setUp(self):
        self.device = Device(TOOLS, self.vendor.trust)
        self.state = self.device.folder / "state"
        self.addCleanup(self.device.stop, kill=True)

    def mount_state(self, *options):
        """The state folder as a file system of its own, of 1 MiB."""
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "state", self.make_state()], capture_output=True).returncode != 0:
            self.skipTest("needs to mount")
        self.addCleanup(subprocess.run, ["umount", "-l", self.state])

    def make_state(self):
        self.state.mkdir(exist_ok=True)
        return self.state

    def fill_state(self):
        filler = self.state / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                return filler

    def problem(self):
        return self.device.status().get("problem", {})

    def refused(self, name):
        done = self.device.run("install", str(self.good))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(name, done.stderr)
        self.assertEqual(self.device.slot("B").strip(b"\0"), b"", "nothing is written")

    def mended(self):
        self.device.run("check")
        wait_for("the trouble is over", lambda: self.device.status() and not self.problem())
        self.assertEqual(self.device.run("install", str(self.good)).returncode, 0)
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")

    def test_damaged_journal_is_set_aside(self):
        self.device.power_on()
        self.device.run("install", str(self.good))
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        self.device.stop()
        journal = self.state / "journal"
        journal.write_bytes(journal.read_bytes().replace(b"offered", b"offerxd", 1))
        self.device.start()
        self.assertEqual(self.device.status()["group"], "B")
        self.assertEqual(read_env(self.device.env)["B_STATE"], "good")
        self.assertIn(b"offerxd", (self.state / "journal.bad").read_bytes())
        self.assertIn("E6010 journal-unreadable", self.device.log_text())

    def test_journal_that_cannot_be_read_is_set_aside(self):
        (self.make_state() / "journal").mkdir()  # read() fails: EISDIR
        self.device.power_on()
        self.assertTrue((self.state / "journal.bad").is_dir())
        self.assertEqual(self.problem(), {})
        self.mended()

    def test_read_only_state_partition(self):
        self.mount_state()
        subprocess.run(["mount", "-o", "remount,ro", self.state], check=True)
        self.device.power_on()
        self.assertEqual(self.problem()["number"], 6011)
        self.assertIn("E6011 state-unwritable", self.device.run("status").stdout)
        self.refused("E6011 state-unwritable")
        second = self.device.run("daemon")
        self.assertIn("E8026 already-running", second.stderr)
        subprocess.run(["mount", "-o", "remount,rw", self.state], check=True)
        self.mended()

    def test_full_state_partition(self):
        self.mount_state()
        filler = self.fill_state()
        self.device.power_on()
        self.refused("E6011 state-unwritable")
        self.assertIn("No space left", self.problem()["message"])
        filler.unlink()
        self.mended()

    def test_state_partition_that_fills_later(self):
        self.mount_state()
        self.device.power_on()
        self.assertEqual(self.problem(), {})
        filler = self.fill_state()
        self.device.run("install", str(self.good))
        self.assertEqual(self.device.wait_for_state("failed")["update"]["error"]["number"], 1002)
        self.assertEqual(self.device.boot_loader(), "A", "the running system is what boots")
        filler.unlink()
        self.mended()

    def test_slot_that_disappears(self):
        self.device.power_on()
        slot, gone = self.device.folder / "slot-B", self.device.folder / "gone"
        slot.rename(gone)
        self.device.run("install", str(self.good))
        update = self.device.wait_for_state("failed")["update"]
        self.assertEqual((update["error"]["number"], "slot-B" in update["message"]), (1001, True), update)
        self.assertEqual(self.device.status()["group"], "A")
        self.assertEqual(read_env(self.device.env)["A_STATE"], "good")
        self.assertIn("slot-missing", self.device.run("doctor").stdout)
        gone.rename(slot)
        self.mended()

    def test_boot_state_that_cannot_be_read(self):
        kept = self.device.env.read_bytes()
        self.device.power_on()
        self.device.stop()
        self.device.env.unlink()
        self.device.env.mkdir()
        self.device.start()
        self.assertEqual(self.problem()["number"], 6012)
        self.refused("E6012 boot-state-unreadable")
        self.device.env.rmdir()
        self.device.env.write_bytes(kept)
        self.mended()

    def hide_boot_state(self):
        """As where its file system is not mounted: its folder is missing."""
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace(str(self.device.env), f"{self.device.folder}/boot/grubenv"))

    def test_boot_state_that_cannot_be_read_does_not_reset_a_good_system(self):
        self.device.power_on(start=False)
        self.hide_boot_state()
        self.device.start()
        self.assertEqual(self.problem()["number"], 6012)
        self.assertFalse(self.device.status()["watchdog"]["armed"])
        self.assertIn(self.device.watchdog.read_bytes()[-1:], (b"", b"V"))

    def test_boot_state_that_cannot_be_read_leaves_the_watchdog_to_a_trial(self):
        """The journal knows of it; or the boot loader does, where the journal is gone as well."""
        self.device.power_on()
        self.device.run("install", str(self.good))
        self.device.wait_for_reboot()
        check = self.device.health / "10-slow"
        check.write_text("#!/bin/sh\nsleep 100\n")
        check.chmod(0o755)
        self.assertEqual(self.device.power_on("2.0", start=False), "B")
        self.hide_boot_state()
        self.device.start()
        self.device.wait_for_state("on-trial")
        self.assertTrue(self.device.status()["watchdog"]["armed"])
        self.device.stop()
        (self.state / "journal").unlink()
        command_line = self.device.folder / "cmdline"
        command_line.write_text(command_line.read_text().strip() + " aloft.state=trial\n")
        self.device.start()
        self.assertTrue(self.device.status()["watchdog"]["armed"])
        self.assertFalse(self.device.watchdog.read_bytes().endswith(b"V"))

    def test_boot_state_that_is_read_again_releases_the_watchdog_of_a_good_system(self):
        """In the boot in which it was committed: its command line says trial to the end. The journal has a later update, or is gone."""
        self.device.power_on()
        self.device.run("install", str(self.good))
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        self.device.run("install", str(self.vendor.bundle("3.0", product="toaster")[0]))
        self.device.wait_for_state("failed")
        self.device.stop()
        command_line = self.device.folder / "cmdline"
        command_line.write_text(command_line.read_text().strip() + " aloft.state=trial\n")
        boot_state = self.device.env.read_bytes()
        for journal_is_gone in (False, True):
            with self.subTest(journal_is_gone=journal_is_gone):
                if journal_is_gone:
                    (self.state / "journal").unlink()
                self.device.env.unlink()
                self.device.env.mkdir()
                self.device.watchdog.write_bytes(b"")
                self.device.start()
                self.assertEqual(self.problem()["number"], 6012)
                self.assertEqual(self.device.status()["watchdog"]["armed"], journal_is_gone)
                self.device.env.rmdir()
                self.device.env.write_bytes(boot_state)
                self.device.run("check")
                wait_for("the trouble is over", lambda: self.device.status() and not self.problem())
                wait_for("the watchdog is released", lambda: self.device.watchdog.read_bytes().endswith(b"V"), 5)
                self.device.stop()

    def test_boot_state_that_is_corrupt_is_rebuilt(self):
        self.device.power_on()
        self.device.stop()
        self.device.env.write_bytes(b"\xff" * 1024)
        self.device.start()
        self.assertEqual(self.problem(), {})
        self.assertIn("E5000 boot-state-corrupt", self.device.log_text())
        self.assertEqual(read_env(self.device.env)["A_STATE"], "good")
        self.mended()

    def test_boot_loader_that_does_not_count(self):
        """A trial that is not counted ends by the agent, and is told; updates go on."""
        counting = self.device.boot_loader

        def without_counting():
            before = self.device.env.read_bytes()
            slot = counting()
            self.device.env.write_bytes(before)
            return slot

        self.device.boot_loader = without_counting
        self.device.power_on()
        check = self.device.health / "10-bad"
        check.write_text("#!/bin/sh\nexit 1\n")
        check.chmod(0o755)
        self.device.run("install", str(self.good))
        self.device.wait_for_reboot()
        self.assertEqual(self.device.power_on("2.0"), "B")
        self.device.wait_for_reboot()
        self.assertIn("E5005 not-counting", self.device.log_text())
        self.assertEqual(self.device.power_on("1.0"), "A")
        self.device.wait_for_state("rolled-back")
        self.assertIn("boot-not-counting", self.device.run("doctor").stdout)
        check.unlink()
        self.mended()

    @unittest.skipUnless(FAKETIME, "needs faketime, and no sanitizer")
    def test_wrong_clocks(self):
        for year, name in (("1970", "E2007 certificate-not-yet-valid"), ("2099", "E2006 certificate-expired")):
            with self.subTest(year):
                device = Device(TOOLS, self.vendor.trust)
                self.addCleanup(device.stop, kill=True)
                device.tools = Tools(device.folder / "aloftd", TOOLS.aloft)
                device.tools.aloftd.write_text(f"#!/bin/sh\nexec env LD_PRELOAD={FAKETIME[0]} FAKETIME='@{year}-01-01 00:10:00' {TOOLS.aloftd} \"$@\"\n")
                device.tools.aloftd.chmod(0o755)
                device.power_on()
                self.assertEqual(device.status()["group"], "A")
                device.run("install", str(self.good))
                wait_for("the certificate's time is told", lambda: name in device.log_text())
                self.assertEqual(device.slot("B").strip(b"\0"), b"")
                device.run("cancel")
                wait_for("the update is over", lambda: device.status()["update"]["state"] in ("cancelled", "failed"))
                device.stop()
                device.tools = TOOLS
                device.start()
                self.assertEqual(device.run("install", str(self.good)).returncode, 0)
                device.wait_for_reboot()
                self.assertEqual(device.power_on("2.0"), "B")
                device.wait_for_state("committed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
