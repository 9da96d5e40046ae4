"""A real aloftd that is a device of hawkBit's protocol, and what its tests share."""
import os
import pathlib
import shutil
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import scratch  # noqa: E402
from agent_device import Device, Tools, Vendor  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
LIMIT_S = 90


class HawkbitDevice(Device):
    """versions: what runs in each group."""

    def __init__(self, trust, url, server_lines, extra=""):
        super().__init__(TOOLS, trust)
        self.versions = {"A": "1.0", "B": "2.0"}
        config = self.folder / "system.toml"
        config.write_text(config.read_text() + f'[server]\nprotocol = "hawkbit"\nurl = "{url}"\nname = "dev-1"\n{server_lines}\n{extra}')
        self.killed = threading.Event()

    def start(self):
        try:
            super().start()
        except AssertionError:
            if not self.killed.wait(2):
                raise

    def boot(self):
        slot = self.power_on(start=False)
        (self.folder / "version").write_text(self.versions[slot] + "\n")
        self.start()
        return slot

    def kill_now(self):
        process = self.process
        if process and process.poll() is None:
            process.kill()
            process.wait(20)
        self.killed.set()

    def live(self, until, limit_s=LIMIT_S):
        """Boots when asked to, starts again what was killed, until the condition holds."""
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"did not happen within {limit_s} s; the device says:\n" + self.log_text()[-3000:])
            if (self.folder / "rebooted").exists():
                (self.folder / "rebooted").unlink()
                self.stop(kill=self.killed.is_set())
                self.killed.clear()
                self.boot()
            elif self.killed.is_set():
                self.killed.clear()
                self.process = None
                self.start()
            time.sleep(0.05)


class HawkbitTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.bundle = cls.vendor.bundle("2.0")
        cls.next_bundle = cls.vendor.bundle("3.0")
        cls.files = {"firmware.aloft": cls.bundle[0].read_bytes()}

    def token_file(self, text):
        folder = scratch.folder("token")
        self.addCleanup(shutil.rmtree, folder)
        (folder / "token").write_text(text + "\n")
        (folder / "token").chmod(0o600)
        return folder / "token"

    def make_device(self, url, lines, extra=""):
        device = HawkbitDevice(self.vendor.trust, url, lines, extra)
        self.addCleanup(device.stop, kill=True)
        return device

    def fail_health(self, device):
        check = device.health / "camera"
        check.write_text('#!/bin/sh\ngrep -q 1.0 "$0.version" && exit 0\necho "no <picture>"\nexit 1\n'.replace("$0.version", str(device.folder / "version")))
        check.chmod(0o755)
