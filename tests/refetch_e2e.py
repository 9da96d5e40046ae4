#!/usr/bin/env python3
"""What a remote update costs twice when the agent dies in the middle: at most one frame, and what was on its way (download.ahead_kib).

The agent is killed at moments spread over the whole download; a server counts which bytes were acknowledged. docs/decisions has the choice.
"""
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402
from ranges_server import Server, twice  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
SIZE = 24 << 20
FRAME = 256 << 10
FRAME_STORED = FRAME + 1024  # random content does not compress: zstd's own framing comes on top
AHEAD = 256 << 10            # download.ahead_kib's default
SLACK = 96 << 10             # libcurl's two buffers of 16 KiB, and a segment, which on the loopback has 64 KiB
AT_MOST = FRAME_STORED + AHEAD + SLACK
UNCOUNTED = (1 << 20) + AT_MOST  # docs/agent.md, what an update may cost
RATE = 32 << 20              # bytes/s: slow enough to be killed in the middle


class RefetchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        image = cls.vendor.folder / "image"
        image.write_bytes(os.urandom(SIZE))
        bundle = cls.vendor.folder / "big.aloft"
        keys = cls.vendor.folder / "keys"
        subprocess.run([TOOLS.aloft, "bundle", "create", "-o", bundle, "--product", "lab-gateway", "--hardware", "rev-a", "--version", "2.0",
                        "--image", f"rootfs={image}", "--key", keys / "signer.key", "--cert", keys / "signer.pem"], check=True, capture_output=True)
        cls.image, cls.content = image.read_bytes(), bundle.read_bytes()
        manifest, signature = struct.unpack_from("<QQ", cls.content, 16)
        cls.payload = 64 + manifest + signature  # where it begins: docs/bundle-format.md

    def kill_at(self, moments, signal_it):
        """Installs, and each time so many payload bytes have arrived does signal_it(device); returns the server's tally."""
        device = Device(TOOLS, self.vendor.trust, slot_bytes=SIZE)
        self.addCleanup(device.stop, kill=True)
        with Server(self.content, bytes_per_s=RATE) as server:
            device.power_on()
            self.assertEqual(device.run("install", server.url).returncode, 0)
            for moment in moments:
                goal = self.payload + moment
                wait_for(f"{moment} bytes have come", lambda: max((f + s for f, s in server.arrived()), default=0) >= goal, 60)
                signal_it(device)
            device.wait_for_reboot()
            self.assertEqual(device.slot("B"), self.image)
            self.counted = json.loads((device.folder / "state/download").read_text())["fetched_bytes"]
            return server.arrived(), server.requests

    def restart(self, device):
        device.stop(kill=True)
        device.power_on()

    def test_killed_at_many_moments(self):
        worst = 0
        for step in range(12):
            moment = SIZE * (2 * step + 1) // 24 + step * 29_000  # not always at the same place within a frame
            pieces, _ = self.kill_at([moment], self.restart)
            again = twice(pieces, self.payload)
            worst = max(worst, again)
            self.assertLessEqual(again, AT_MOST, f"killed after {moment} bytes")
        print(f"killed 12 times: at most {worst} bytes fetched again, of {len(self.content)}", file=sys.stderr)

    def test_every_further_kill_costs_the_same_again(self):
        moments = [SIZE * share // 8 for share in range(1, 7)]
        pieces, _ = self.kill_at(moments, self.restart)
        self.assertLessEqual(twice(pieces, self.payload), len(moments) * AT_MOST)
        self.assertGreaterEqual(self.counted, sum(size for _, size in pieces) - len(moments) * UNCOUNTED, "what was fetched before is held against the budget")

    def test_nothing_beyond_the_manifest_is_asked_for_to_read_it(self):
        pieces, requests = self.kill_at([SIZE // 2], self.restart)
        starts = [int(asked.removeprefix("bytes=").split("-")[0]) for asked in requests]
        self.assertEqual(starts.count(0), 2, "the header is read once at each start")
        for asked, start in zip(requests, starts):
            if start < self.payload:
                self.assertFalse(asked.endswith("-"), asked)
        self.assertLessEqual(twice(pieces), twice(pieces, self.payload) + self.payload)

    def test_killed_with_every_buffer_full(self):
        def freeze_and_kill(device):
            device.process.send_signal(signal.SIGSTOP)
            time.sleep(1)  # the server goes on until nobody takes any more
            self.restart(device)

        pieces, _ = self.kill_at([SIZE // 3, SIZE * 2 // 3], freeze_and_kill)
        again = twice(pieces, self.payload)
        print(f"killed twice with buffers full: {again} bytes fetched again", file=sys.stderr)
        self.assertGreater(again, AHEAD // 2, "the buffers were full")
        self.assertLessEqual(again, 2 * AT_MOST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
