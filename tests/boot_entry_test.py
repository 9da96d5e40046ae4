#!/usr/bin/env python3
"""What the integrator's programs write is what the agent reads: the same bytes stand in src/boot/systemd_boot_test.cpp."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
BOOT_ENTRY = SOURCE / "integration/bootloader/systemd-boot/boot-entry"


def entry(body, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as template:
        template.write(body)
        template.flush()
        return subprocess.run([BOOT_ENTRY, "--slot", "B", *options, template.name], capture_output=True, check=False)


class BootEntry(unittest.TestCase):
    def test_is_the_agents_format(self):
        made = entry("efi /aloft/b/linux.efi\n", "--generation", "7").stdout
        text = b"#aloft B 17d4ebb1\nsort-key aloft\nversion 000007\nefi /aloft/b/linux.efi\n"
        self.assertEqual(made, text + b"\n" * (512 - len(text)))

    def test_is_whole_sectors(self):
        self.assertEqual(len(entry("efi /x.efi\noptions " + "y" * 600 + "\n").stdout), 1024)

    def test_refuses_what_the_agent_would_refuse(self):
        for body in ("title nothing to start\n", "efi /x.efi", "efi /x.efi\nversion 3\n", "efi /x.efi\n\tversion\t3\n", "efi \noptions y\n", "efi /x.efi\noptions " + "y" * 4096 + "\n"):
            with self.subTest(body=body[:30]):
                self.assertNotEqual(entry(body).returncode, 0)

    def test_the_templates_are_taken(self):
        for slot in "AB":
            template = BOOT_ENTRY.parent / f"{slot}.conf"
            self.assertIn(f"aloft.slot={slot}\n", entry(template.read_text()).stdout.decode())


class Autoboot(unittest.TestCase):
    def test_is_a_whole_sector_that_starts_slot_a_in_any_case(self):
        text = (SOURCE / "integration/bootloader/tryboot/autoboot.txt").read_text()
        self.assertEqual(len(text), 512)
        self.assertEqual(text.count("boot_partition=2\n"), 2)


if __name__ == "__main__":
    unittest.main()
