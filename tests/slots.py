"""What the tests of slots share: loop devices, and a device whose slots they are."""
import os
import pathlib
import subprocess
import sys
import unittest

import scratch
from agent_device import Device, Tools, Vendor, wait_for

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))


def run(*command, **options):
    """What the command prints; what it says on the way to a failure is in the exception."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{done.args} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class LoopDevice:
    def __init__(self, folder, name, size):
        self.file = folder / name
        with open(self.file, "wb") as file:
            file.truncate(size)
        self.path = run("losetup", "-f", "--show", self.file)

    def close(self):
        subprocess.run(["losetup", "-d", self.path], check=False)


class Mounted:
    """A look at what a slot holds; read-only unless writable."""

    def __init__(self, device, folder, writable=False):
        self.device, self.folder, self.writable = device, folder, writable

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        run("mount", "-o", "rw" if self.writable else "ro", self.device, self.folder)
        return self.folder

    def __exit__(self, *what):
        run("umount", self.folder)


class SlotsCase(unittest.TestCase):
    def setUp(self):
        self.folder = scratch.folder("slots")
        self.vendor = Vendor(TOOLS)

    def loop(self, name, size=64 << 20):
        device = LoopDevice(self.folder, name, size)
        self.addCleanup(device.close)
        return device.path

    def start(self, slots):
        self.device = Device(TOOLS, self.vendor.trust, slots=slots)
        self.addCleanup(self.device.stop, kill=True)
        self.device.power_on()

    def install(self, bundle):
        done = self.device.run("install", str(bundle))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def install_and_commit(self, bundle, version):
        self.install(bundle)
        self.device.wait_for_reboot()
        group = self.device.power_on(version)
        self.device.wait_for_state("committed")
        return group

    def refuse(self, bundle, error):
        before = self.device.status().get("update", {}).get("number", 0)
        self.install(bundle)
        update = wait_for("the update fails", lambda: (lambda u: u if u.get("number", 0) > before and u.get("state") == "failed" else None)(self.device.status().get("update", {})))
        self.assertEqual(update["error"]["name"], error, update)
        return update["message"]

    def pair(self, slot_class, options, size=64 << 20):
        a, b = self.loop(f"{slot_class}-a", size), self.loop(f"{slot_class}-b", size)
        return {"A": a, "B": b}, "".join(f'[group.{group}.{slot_class}]\ndevice = "{device}"\n{options}\n' for group, device in (("A", a), ("B", b)))

    def loader(self, name):
        path = self.folder / name
        path.write_bytes(b"LOADER" + os.urandom(1 << 20))
        return path


def main():
    """Runs the tests, with mounts of their own; ends with status 77 (skipped) without root and loop devices."""
    if os.geteuid() != 0 or subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        print("skipped: needs root and loop devices")
        sys.exit(77)
    # A namespace that another test makes holds copies of the mounts it found: a slot that was looked into just then would stay in use.
    if "ALOFT_OWN_MOUNTS" not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", sys.executable, *sys.argv], {**os.environ, "ALOFT_OWN_MOUNTS": "1"})
    unittest.main()
