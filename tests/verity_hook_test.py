#!/usr/bin/env python3
"""What the initramfs' aloft-verity asks of veritysetup. The tree itself is held against cryptsetup's tool in bundle_test.py."""
import os
import pathlib
import subprocess
import unittest

import scratch

HOOK = pathlib.Path(__file__).resolve().parent.parent / "integration/initramfs/aloft-verity"
FACTS = "ALOFT_VERITY_ROOT=" + "ab" * 32 + "\nALOFT_VERITY_OFFSET=8192\n"


class VerityHookTest(unittest.TestCase):
    def setUp(self):
        self.folder = scratch.folder("verity")
        (self.folder / "verity").write_text(FACTS)
        (self.folder / "cmdline").write_text("quiet root=/dev/sda2\n")
        tool = self.folder / "veritysetup"
        tool.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {self.folder}/asked\nexit $(cat {self.folder}/status 2>/dev/null || echo 0)\n')
        tool.chmod(0o755)

    def run_hook(self):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "ALOFT_VERITY_FACTS": str(self.folder / "verity"),
                       "ALOFT_COMMAND_LINE": str(self.folder / "cmdline")}  # fmt: skip
        return subprocess.run([HOOK, "/dev/sda2"], env=environment, capture_output=True, text=True)

    def asked(self):
        return (self.folder / "asked").read_text().split("\n")[:-1]

    def test_opens_what_the_initramfs_says(self):
        done = self.run_hook()
        self.assertEqual((done.returncode, done.stdout), (0, "/dev/mapper/aloft-root\n"), done.stderr)
        self.assertEqual(self.asked(), ["open", "--hash-offset=8192", "/dev/sda2", "aloft-root", "/dev/sda2", "ab" * 32])

    def test_signature_and_restart_are_passed_on(self):
        (self.folder / "verity.p7s").write_text("x")
        (self.folder / "cmdline").write_text("root=/dev/sda2 aloft.verity=restart quiet\n")
        self.assertEqual(self.run_hook().returncode, 0)
        self.assertEqual(self.asked()[2:4], [f"--root-hash-signature={self.folder}/verity.p7s", "--restart-on-corruption"])

    def test_failures_are_told(self):
        (self.folder / "status").write_text("1")
        done = self.run_hook()
        self.assertEqual((done.returncode != 0, done.stdout), (True, ""))
        (self.folder / "verity").write_text("ALOFT_VERITY_ROOT=\n")
        self.assertIn("does not say", self.run_hook().stderr)


if __name__ == "__main__":
    unittest.main()
