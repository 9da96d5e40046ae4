#!/usr/bin/env python3
"""The real aloftd uses what its running slot has, whatever version that is: what it fetches from a plain web server, and what of a slot that lies."""
import os
import pathlib
import random
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402
from ranges_server import Server  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(BUILD / "src/agent/aloftd", BUILD / "src/cli/aloft")
SIZE = 24 << 20
FRAME = 64 << 10
CHANGED = 20  # frames with a block of their own


class ReuseAgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        source = random.Random(5)
        cls.old = source.randbytes(SIZE - (4 << 20)) + bytes(4 << 20)
        moved = 5 * 4096 * 333  # whole blocks, and no whole frames
        new = bytearray(cls.old[moved:] + cls.old[:moved])
        for frame in range(0, SIZE // FRAME, SIZE // FRAME // CHANGED):
            new[frame * FRAME + 9000:frame * FRAME + 9100] = source.randbytes(100)
        shifted = 17 * FRAME  # between two changed frames
        new[20 * FRAME:20 * FRAME + shifted] = cls.old[777:777 + shifted]
        cls.new = bytes(new)
        image = cls.vendor.folder / "image"
        image.write_bytes(cls.new)
        cls.full = cls.vendor.pack("2.0", "--image", f"rootfs={image}", "--blocks").read_bytes()
        cls.plain = cls.vendor.pack("3.0", "--image", f"rootfs={image}").read_bytes()

    def device(self, running=None):
        device = Device(TOOLS, self.vendor.trust, slot_bytes=SIZE)
        self.addCleanup(device.stop, kill=True)
        (device.folder / "slot-A").write_bytes(running or self.old)
        return device

    def install(self, device, bundle, in_the_middle=lambda device, server: None, rate=None):
        """Bytes that came, with the new system installed."""
        with Server(bundle, bytes_per_s=rate) as server:
            device.power_on()
            self.assertEqual(device.run("install", server.url).returncode, 0)
            in_the_middle(device, server)
            device.wait_for_reboot(120)
            self.assertEqual(device.slot("B"), self.new)
            return sum(size for _, size in server.arrived())

    def expected(self):
        """The section of what is not zero, the blocks that are new, the manifest."""
        manifest = int.from_bytes(self.full[16:24], "little") + int.from_bytes(self.full[24:32], "little") + 64
        return SIZE // 4096 * 8 + (CHANGED + 3) * (4096 + 300) + manifest

    def test_only_new_blocks_are_fetched_and_nothing_beyond(self):
        device = self.device()
        came = self.install(device, self.full)
        self.assertLess(came, self.expected())
        self.assertIn("by reuse", device.log_text())
        print(f"{came} bytes came of a bundle of {len(self.full)}", file=sys.stderr)
        self.assertEqual(device.slot("A"), self.old, "the running slot is only read")
        self.assertEqual(device.power_on("2.0"), "B")
        device.wait_for_state("committed")

    def test_a_slot_is_named_once_until_it_is_written(self):
        device = self.device()
        self.install(device, self.full)
        kept = device.folder / "state/blocks"
        self.assertEqual([file.name for file in kept.iterdir()], ["A-rootfs.blocks"])
        device.power_on("2.0")
        device.wait_for_state("committed")
        with Server(self.plain) as server:  # goes to A: what was known of it is forgotten
            device.run("install", server.url)
            device.wait_for_reboot(120)
        self.assertEqual(list(kept.iterdir()), [])

    def test_a_slot_that_was_written_to_since_costs_bytes_and_nothing_else(self):
        device = self.device()
        changed = bytearray(self.old)
        for at in range(100, SIZE - (5 << 20), SIZE // 40):
            changed[at] ^= 1

        def write_to_the_slot(device, server):
            wait_for("its blocks are named", (device.folder / "state/blocks/A-rootfs.blocks").exists, 60)
            device.stop(kill=True)
            (device.folder / "slot-A").write_bytes(changed)
            device.power_on()

        came = self.install(device, self.full, write_to_the_slot, rate=100_000)
        self.assertIn("a frame is taken from the bundle instead", device.log_text())
        self.assertLess(came, self.expected() * 2 + 45 * FRAME)
        self.assertLess(came, len(self.full) // 2)

    def test_something_else_that_runs_costs_the_index_and_the_bundle(self):
        device = self.device(running=random.Random(9).randbytes(SIZE))
        came = self.install(device, self.full)
        self.assertGreater(came, len(self.full) * 8 // 10)
        self.assertLess(came, len(self.full) + (1 << 20))

    def test_killed_in_the_middle_it_goes_on_where_it_was(self):
        device = self.device()

        def kill(device, server):
            wait_for("some of it is installed", lambda: (device.status().get("update", {}).get("progress_permille") or 0) > 300, 60)
            device.stop(kill=True)
            device.power_on()

        came = self.install(device, self.full, kill, rate=40_000)
        self.assertLess(came, 2 * self.expected())
        self.assertGreater(int(re.findall(r"(\d+) in place", device.log_text())[-1]), 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
