#!/usr/bin/env python3
"""One EFI program of kernel and initramfs: its parts come out as they went in, in sections that do not overlap."""
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
PROGRAM = SOURCE / "integration/bootloader/efi/efi-program"


def sections(file):
    """{name: (address, bytes in memory, content)} of a PE file."""
    content = file.read_bytes()
    (head,) = struct.unpack_from("<I", content, 0x3C)
    count, optional_bytes = struct.unpack_from("<2xH", content, head + 4)[0], struct.unpack_from("<H", content, head + 20)[0]
    found = {}
    for number in range(count):
        place = head + 24 + optional_bytes + 40 * number
        name, size, address, raw_bytes, raw = struct.unpack_from("<8sIIII", content, place)
        found[name.rstrip(b"\0").decode()] = (address, size, content[raw:raw + min(size, raw_bytes)])
    return found, struct.unpack_from("<I", content, head + 24 + 56)[0]


class EfiProgram(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.kernel, self.initrd, self.output = (self.folder / name for name in ("vmlinuz", "initrd.img", "linux.efi"))
        self.kernel.write_bytes(os.urandom(70001))
        self.initrd.write_bytes(os.urandom(5000))

    def make(self, *more):
        return subprocess.run([PROGRAM, "--kernel", self.kernel, "--output", self.output, *more], capture_output=True, text=True, check=False)

    def test_parts_come_out_as_they_went_in(self):
        self.assertEqual(self.make("--initrd", self.initrd).returncode, 0)
        found, image_bytes = sections(self.output)
        self.assertEqual(found[".linux"][2], self.kernel.read_bytes())
        self.assertEqual(found[".initrd"][2], self.initrd.read_bytes())
        places = sorted((address, address + size) for address, size, _ in found.values())
        self.assertTrue(all(end <= start for (_, end), (start, _) in zip(places, places[1:])), places)
        self.assertLessEqual(places[-1][1], image_bytes)

    def test_the_initramfs_may_be_left_out(self):
        self.assertEqual(self.make().returncode, 0)
        self.assertNotIn(".initrd", sections(self.output)[0])

    def test_a_stub_that_is_no_program_is_refused(self):
        done = self.make("--stub", self.initrd)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no EFI program", done.stderr)
        self.assertFalse(self.output.exists())


if __name__ == "__main__":
    unittest.main()
