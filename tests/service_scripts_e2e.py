#!/usr/bin/env python3
"""The scripts that stand around aloftd on a device (integration/systemd, integration/sysv), with the real aloftd.

Programs are taken from $ALOFT_BUILD; ALOFT_AGENT and ALOFT_CLI name others.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, wait_for, write_env  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
INTEGRATION = pathlib.Path(__file__).parent.parent / "integration"


class ServiceScriptsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.good, _ = cls.vendor.bundle("2.0")

    def setUp(self):
        self.device = Device(TOOLS, self.vendor.trust)
        self.addCleanup(self.device.stop, kill=True)

    def test_agent_that_cannot_start_restarts_a_trial_only(self):
        script = INTEGRATION / "systemd/restart-if-on-trial"
        for state, restarts in (("good", False), ("2", True), ("0", True)):
            write_env(self.device.env, {"ORDER": "B A", "A_STATE": "good", "B_STATE": state})
            (self.device.folder / "cmdline").write_text("quiet aloft.slot=B\n")
            self.assertEqual(self.device.run("on-trial").returncode, 0 if restarts else 1)
            self.assertEqual(self.restarts(script, "system.toml"), restarts, state)
        # Without a configuration that can be read, by what the boot loader told the kernel.
        for word, restarts in (("aloft.state=committed", False), ("aloft.state=trial", True), ("", True)):
            (self.device.folder / "cmdline").write_text(f"quiet aloft.slot=B {word}\n")
            self.assertEqual(self.restarts(script, "no-such.toml"), restarts, word)

        # Where nobody can tell: as often as a trial may need, and no more. The agent's start gives them back.
        state = self.device.folder / "state"
        for config, place in (("no-such.toml", self.device.folder), ("mistyped.toml", state)):
            with self.subTest(config):
                state.mkdir(exist_ok=True)
                (self.device.folder / "mistyped.toml").write_text(f'prodcut = "x"\nstate_dir = "{state}"\n')
                self.agent_started(script, config, "1")
                self.assertEqual([self.restarts(script, config) for _ in range(12)], 10 * [True] + 2 * [False])
                self.assertTrue((place / "failed-starts").exists())
                self.agent_started(script, config, "2")  # it runs, but cannot tell either, and may fail again
                self.assertFalse(self.restarts(script, config))
                self.agent_started(script, config, "1")
                self.assertFalse((place / "failed-starts").exists())
                self.assertTrue(self.restarts(script, config))
        # A count that would not outlive the restart bounds nothing: then there is time for somebody to come.
        for file_system in ("1021994", "858458f6", "794c7630"):  # tmpfs, ramfs, overlay
            with self.subTest(file_system):
                self.assertTrue(self.restarts(script, "no-such.toml", file_system))
                self.assertIn("counted nowhere: restarting in 0 s", self.restart_words)

    def agent_started(self, script, config, answer):
        """answer: the status of `aloftd on-trial`."""
        agent = self.device.folder / "agent"
        agent.write_text(f"#!/bin/sh\nexit {answer}\n")
        agent.chmod(0o755)
        subprocess.run([script, "--started", self.device.folder / config], check=True, env={**os.environ, "ALOFTD": str(agent)})

    def restarts(self, script, config, file_system="ef53"):
        """file_system: its number, as `stat -f -c %t` tells it."""
        programs = self.device.folder / "programs"
        programs.mkdir(exist_ok=True)
        (programs / "stat").write_text(f"#!/bin/sh\necho {file_system}\n")
        (programs / "stat").chmod(0o755)
        done = subprocess.run([script, self.device.folder / config, self.device.folder / "cmdline", self.device.watchdog], capture_output=True, text=True,
                              env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "ALOFT_RESTART": "echo", "ALOFTD": str(TOOLS.aloftd),
                                   "ALOFT_STATE": str(self.device.folder / "none"), "ALOFT_PAUSE_S": "0"})
        self.restart_words = done.stdout
        return done.stdout.endswith("reboot\n")

    @unittest.skipUnless(os.geteuid() == 0, "needs to mount")
    def test_stick_is_installed_once(self):
        stick = self.device.folder / "stick.img"
        content = self.device.folder / "stick"
        content.mkdir()
        shutil.copy(self.good, content / "update.aloft")
        # Sticks have FAT, but not every kernel that tests run on.
        subprocess.run(["mkfs.ext4", "-q", "-F", "-d", content, stick, "16M"], check=True, capture_output=True)
        wrapper = self.device.folder / "aloftd"
        wrapper.write_text(f"#!/bin/sh\nexec {TOOLS.aloftd} \"$@\" --config {self.device.folder}/system.toml\n")
        wrapper.chmod(0o755)
        script = INTEGRATION / "systemd/install-from-stick"

        def plug():
            # A loop device for the image; mount makes it, as in a namespace of its own.
            return subprocess.run(["unshare", "--mount", script, stick], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "ALOFTD": str(wrapper), "RUNTIME_DIRECTORY": str(self.device.folder / "usb")})

        self.device.power_on()
        first = plug()
        self.assertIn("installing update.aloft", first.stdout, first.stderr)
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.assertEqual(self.device.wait_for_state("committed")["group"], "B")
        again = plug()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("was here before", again.stdout)
        self.assertEqual(len(json.loads(self.device.run("history", "--json").stdout)), 1)

    def test_init_script(self):
        folder = self.device.folder
        program = folder / "bin/aloftd"
        program.parent.mkdir()
        shutil.copy(TOOLS.aloftd, program)
        script = INTEGRATION / "sysv/aloftd"
        default = pathlib.Path("/etc/aloft/system.toml")
        if default.exists() or os.geteuid() != 0:
            self.skipTest("needs to put a configuration where the script's agent looks for it")

        def say(verb, *shell):
            # In a mount namespace of its own, /etc/aloft is the device's.
            inside = 'mkdir -p /etc/aloft && mount --bind "$1" /etc/aloft && shift && exec "$@"'
            return subprocess.run(["unshare", "--mount", "sh", "-c", inside, "sh", folder, *shell, script, verb], capture_output=True, text=True,
                                  timeout=60, env={**os.environ, "ALOFTD": str(program), "ALOFT_RUN": str(folder / "run"),
                                                   "ALOFT_LOG": str(folder / "log")})

        self.addCleanup(say, "stop")
        self.device.power_on(start=False)
        self.assertEqual(say("status").returncode, 3)
        for shell in ((), ("busybox", "sh")):
            self.assertEqual(say("start", *shell).returncode, 0)
            first = (folder / "run/aloftd.pid").read_text()
            wait_for("it answers", lambda: "group A" in say("status", *shell).stdout)
            self.assertEqual(say("start", *shell).returncode, 0)
            self.assertEqual((folder / "run/aloftd.pid").read_text(), first, "it is not started twice")
            self.assertEqual(say("restart", *shell).returncode, 0)
            self.assertNotEqual((folder / "run/aloftd.pid").read_text(), first)
            wait_for("it answers again", lambda: "group A" in say("status", *shell).stdout)
            self.assertEqual(say("stop", *shell).returncode, 0)
            self.assertEqual(say("status", *shell).returncode, 3)
        self.assertEqual(say("fly").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
