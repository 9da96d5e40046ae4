#!/usr/bin/python3
"""The lab's readers of boot states under UEFI, on variables and FAT file systems made by others (efibootmgr, mtools, efibootguard's bg_setenv) or byte
by byte; and what integration/bootloader/uefi/make-entries makes."""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
sys.path.insert(0, str(SOURCE / "lab"))

import bootstate  # noqa: E402
import disk  # noqa: E402
import efi  # noqa: E402
import fat  # noqa: E402
import machines  # noqa: E402
import nvram  # noqa: E402
from machines import systemd_boot  # noqa: E402


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def volume(self, files):
        """A FAT file system with {path: bytes}."""
        image, given = self.folder / "fat.img", {}
        image.unlink(missing_ok=True)
        for number, (path, content) in enumerate(files.items()):
            given[path] = self.folder / f"file-{number}"
            given[path].write_bytes(content)
        efi.fat(image, 8, given)
        return image.read_bytes()


def slots(reader, read):
    return list(map(str, reader.slots(read)))


class LongNames(Folder):
    def test_are_read_as_mtools_wrote_them(self):
        names = ["aloft-B+2-1.conf", "aloft-A.conf", "a name of more than twenty-six letters.conf", "short.txt"]
        content = self.volume({f"loader/entries/{name}": name.encode() for name in names})
        volume = fat.Volume(lambda offset, size: content[offset:offset + size])
        self.assertEqual([name.lower() for name in volume.names("loader/entries")], [name.lower() for name in names])
        for name in names:
            self.assertEqual(volume.file(f"loader/entries/{name}"), name.encode())

    def test_of_another_entry_do_not_count(self):
        content = bytearray(self.volume({"aloft-B+2-1.conf": b"x"}))
        volume = fat.Volume(lambda offset, size: bytes(content[offset:offset + size]))
        (place,) = [at for at in range(volume.root, volume.root + volume.root_bytes, 32) if content[at:at + 5] == b"ALOFT"]
        content[place:place + 1] = b"B"
        self.assertEqual([name[:4] for name in volume.names("")], ["BLOF"])


class Uefi(Folder):
    def setUp(self):
        super().setUp()
        self.model = machines.ALL["uefi-busybox"]

    def entry(self, name, partition=None):
        return efi.load_option(self.model.partitions(), partition or f"boot-{name.lower()}", "/linux.efi", f"aloft {name}", efi.arguments(self.model, name))

    def slots(self, order, following=None, entries=None):
        given = entries or {0: self.entry("A"), 8: self.entry("B"), 3: b"\1\0\0\0other\0"}
        named = {f"Boot{number:04X}": entry for number, entry in given.items()} | {"BootOrder": struct.pack(f"<{len(order)}H", *order)}
        if following is not None:
            named["BootNext"] = struct.pack("<H", following)
        return self.slots_of(named)

    def slots_of(self, named):
        """Of a flash with these variables."""
        store = nvram.GUID + struct.pack("<IBB6x", 16384 - nvram.STORE, 0x5A, 0xFE)
        fresh = (bytes(nvram.STORE) + store).ljust(nvram.BYTES, b"\xff")
        flash = nvram.with_variables(fresh, {name: (nvram.GLOBAL, value) for name, value in named.items()})
        return slots(bootstate.READERS["uefi"], lambda partition, offset, size: flash[offset:offset + size])

    def test_order_is_committed_and_next_is_on_trial(self):
        self.assertEqual(self.slots([0, 3]), ["A:good"])
        self.assertEqual(self.slots([0, 3], 8), ["B:1", "A:good"])
        self.assertEqual(self.slots([8, 0, 3]), ["B:good", "A:good"])

    def test_an_entry_that_starts_something_else_is_lost(self):
        with self.assertRaises(bootstate.Lost):
            self.slots([3, 0])
        with self.assertRaises(bootstate.Lost):
            self.slots([0], entries={0: self.entry("A", "boot-b")})

    def test_an_erased_store_is_lost(self):
        with self.assertRaises(bootstate.Lost):
            bootstate.READERS["uefi"].slots(lambda partition, offset, size: b"\xff" * size)

    def test_the_installers_entries_start_the_slot_that_is_filled(self):
        device, variables = self.folder / "disk", self.folder / "variables"
        disk.make(device, self.model.partitions(), {})
        loop = subprocess.run(["losetup", "-f", "--show", device], capture_output=True, text=True)
        if loop.returncode != 0:
            self.skipTest("needs root and loop devices")
        self.addCleanup(subprocess.run, ["losetup", "-d", loop.stdout.strip()], check=True)
        variables.mkdir()
        suffix = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
        other = efi.load_option(self.model.partitions(), "state", "/other.efi", "other")
        for name, value in (("Boot0003", other), ("BootOrder", struct.pack("<H", 3))):
            (variables / (name + suffix)).write_bytes(struct.pack("<I", 7) + value)
        for _ in range(2):  # the second time the entries of the first go
            subprocess.run([SOURCE / "integration/bootloader/uefi/make-entries", loop.stdout.strip(), "1:/linux.efi", "2:/linux.efi"], check=True, capture_output=True,
                           env={**os.environ, "EFIVARFS_PATH": f"{variables}/", "ALOFT_KERNEL_ARGUMENTS": "quiet"})
        named = {file.name.removesuffix(suffix): file.read_bytes()[4:] for file in variables.iterdir()}
        named["BootOrder"] = named["BootOrder"][:4]  # it was longer with the first A in it; a write replaces a variable, but not a file
        order = struct.unpack("<HH", named["BootOrder"])
        numbers = {entry: int(name[4:], 16) for name, entry in named.items() if name != "BootOrder"}

        def wanted(letter):
            text = f"root=PARTLABEL=rootfs-{letter} ro rootwait panic=5 softlockup_panic=1 aloft.slot={letter.upper()} quiet"
            made = efi.load_option(self.model.partitions(), f"boot-{letter}", "/linux.efi", f"aloft {letter.upper()}", text)
            return made.removesuffix(b"\0\0")  # efibootmgr leaves arguments without an end

        self.assertCountEqual([entry for name, entry in named.items() if name != "BootOrder"], [other, wanted("a"), wanted("b")])
        self.assertEqual(order, (numbers[wanted("a")], 3))
        self.assertEqual(self.slots_of(named), ["A:good"])
        self.assertEqual(self.slots_of(named | {"BootNext": struct.pack("<H", numbers[wanted("b")])}), ["B:1", "A:good"])


class SystemdBoot(Folder):
    def slots(self, entries, kernels="ab"):
        """entries: {file name: (slot, version)}"""
        model = machines.ALL["systemd-boot-busybox"]
        files = {f"loader/entries/{name}": f"sort-key aloft\nversion {version:06}\n{systemd_boot.template(model, slot)}".encode()
                 for name, (slot, version) in entries.items()}
        content = self.volume({**files, **{f"aloft/{letter}/linux.efi": b"x" for letter in kernels}})
        return slots(bootstate.READERS["systemd-boot"], lambda partition, offset, size: content[offset:offset + size])

    def test_the_highest_version_goes_first_and_one_without_tries_last(self):
        self.assertEqual(self.slots({"aloft-A.conf": ("A", 1), "aloft-B+3.conf": ("B", 2)}), ["B:3", "A:good"])
        self.assertEqual(self.slots({"aloft-A.conf": ("A", 1), "aloft-B+2-1.conf": ("B", 2)}), ["B:2", "A:good"])
        self.assertEqual(self.slots({"aloft-A.conf": ("A", 1), "aloft-B+0-3.conf": ("B", 2)}), ["A:good", "B:0"])
        self.assertEqual(self.slots({"aloft-A.conf": ("A", 3), "aloft-B.conf": ("B", 2)}), ["A:good", "B:good"])

    def test_an_entry_without_its_kernel_is_passed_over(self):
        self.assertEqual(self.slots({"aloft-A.conf": ("A", 1), "aloft-B.conf": ("B", 2)}, kernels="a"), ["A:good"])

    def test_one_that_starts_the_other_slot_is_lost(self):
        with self.assertRaises(bootstate.Lost):
            self.slots({"aloft-A.conf": ("B", 1)})


class EfiBootGuard(Folder):
    def slots(self, **options):
        """options: {"A": words for bg_setenv}; no words: an environment that is torn."""
        volumes = {}
        for name, words in options.items():
            letter, file = name.lower(), self.folder / f"{name}.dat"
            subprocess.run(["bg_setenv", "-f", file, "-k", f"C:SLOT{name}:linux.efi", "-a", f"root=PARTLABEL=rootfs-{letter} ro aloft.slot={name}",
                            *(words or ["-r", "9"])], check=True, capture_output=True)
            content = bytearray(file.read_bytes())
            content[2000] ^= 0 if words else 1
            volumes[f"config-{letter}"] = self.volume({"BGENV.DAT": bytes(content)})
        return slots(bootstate.READERS["efibootguard"], lambda partition, offset, size: volumes[partition][offset:offset + size])

    def test_the_highest_revision_goes_first(self):
        self.assertEqual(self.slots(A=["-r", "1", "-s", "OK"], B=["-r", "2", "-s", "INSTALLED"]), ["B:1", "A:good"])
        self.assertEqual(self.slots(A=["-r", "3", "-s", "OK"], B=["-r", "2", "-s", "OK"]), ["A:good", "B:good"])

    def test_a_try_is_used_up_or_taken_away(self):
        self.assertEqual(self.slots(A=["-r", "1", "-s", "OK"], B=["-r", "2", "-s", "TESTING"]), ["B:0", "A:good"])
        self.assertEqual(self.slots(A=["-r", "1", "-s", "OK"], B=["-r", "0", "-s", "FAILED", "-i", "1"]), ["A:good", "B:0"])

    def test_a_torn_environment_is_passed_over(self):
        self.assertEqual(self.slots(A=["-r", "1", "-s", "OK"], B=[]), ["A:good"])
        with self.assertRaises(bootstate.Lost):
            self.slots(A=[], B=[])


if __name__ == "__main__":
    unittest.main()
