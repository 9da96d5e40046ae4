"""The boot state of the loaders that UEFI firmware starts, as they read it; see bootstate.py."""
import re
import struct
import uuid
import zlib

import disk
import fat
import nvram
from slotstate import Lost, Slot


def letter_partition(kind, name):
    return f"{kind}-{name.lower()}"


def starts_slot(arguments, name):
    """Whether the kernel's arguments have the slot's root and name."""
    return {f"root=PARTLABEL={letter_partition('rootfs', name)}", f"aloft.slot={name}"} <= set(arguments.split())


class Uefi:
    """BootNext and BootOrder (UEFI specification, 3.1) in the firmware's variables; a slot's entry starts /linux.efi of its boot partition."""
    partitions = ("nvram",)

    @classmethod
    def slots(cls, read):
        try:
            variables = {name: value for (name, guid), value in nvram.variables(read("nvram", 0, nvram.BYTES)).items()
                         if guid == nvram.packed_guid(nvram.GLOBAL)}
        except nvram.Bad as problem:
            raise Lost(str(problem)) from problem
        order = [number for (number,) in struct.iter_unpack("<H", variables.get("BootOrder", b""))]
        names = [cls.slot_of(variables.get(f"Boot{number:04X}", b"")) for number in order]
        if not names or not names[0]:
            raise Lost(f"the first in BootOrder starts no slot of this device: {order}")
        committed = [Slot(name, True, 0) for name in dict.fromkeys(filter(None, names))]
        following = struct.unpack("<H", variables["BootNext"])[0] if "BootNext" in variables else None
        trial = None if following is None else cls.slot_of(variables.get(f"Boot{following:04X}", b""))
        return [Slot(trial, trial in names, 1), *committed] if trial else committed

    @staticmethod
    def slot_of(option):
        """The slot that a boot entry starts with all that it needs, else nothing."""
        match = re.search(rb"\0a\0l\0o\0f\0t\0\.\0s\0l\0o\0t\0=\0([A-Z])\0", option)
        if not match or not option[0] & 1:
            return None
        name = match[1].decode()
        root = f"root=PARTLABEL={letter_partition('rootfs', name)} "
        needs = [uuid.UUID(disk.partition_guid(letter_partition("boot", name))).bytes_le, "\\linux.efi\0".encode("utf-16le"), root.encode("utf-16le")]
        return name if all(each in option for each in needs) else None


class SystemdBoot:
    """Entries in loader/entries on the EFI system partition, as systemd-boot v252 reads and sorts them: what is left of the tries is in the name."""
    partitions = ("ESP",)
    NAME = re.compile(r"aloft-([A-Z])(?:\+(\d+)(?:-\d+)?)?\.conf", re.IGNORECASE)

    @classmethod
    def slots(cls, read):
        volume = fat.Volume(lambda offset, size: read("ESP", offset, size))
        try:
            names = volume.names("loader/entries")
        except fat.Bad as problem:
            raise Lost(str(problem)) from problem
        entries = sorted(filter(None, (cls.entry(volume, name) for name in names)), key=lambda entry: entry[:3])
        found = {}
        for *_, slot in entries:
            found.setdefault(slot.name, slot)
        if not found:
            raise Lost("there is no boot entry that systemd-boot would take")
        return list(found.values())

    @classmethod
    def entry(cls, volume, name):
        """(no tries left, version downwards, name downwards, Slot) of one that systemd-boot lists."""
        match = cls.NAME.fullmatch(name)
        try:
            text = volume.file(f"loader/entries/{name}").decode("latin-1")
            values = dict(line.split(None, 1) for line in text.split("\n") if line and not line.startswith("#") and " " in line)
            if not match or "efi" not in values:
                return None
            volume.place(values["efi"].strip())
        except fat.Bad:
            return None
        slot = match[1].upper()
        if not starts_slot(values.get("options", ""), slot):
            raise Lost(f"the boot entry {name} would start slot {slot} without its arguments")
        left = None if match[2] is None else int(match[2])
        return left == 0, -int(values.get("version", "0")), tuple(-ord(letter) for letter in name), Slot(slot, left is None, left or 0)


class EfiBootGuard:
    """BGENV.DAT of each config partition (efibootguard v0.13, include/envdata.h): the highest revision is started."""
    partitions = ("config-a", "config-b")
    OK, INSTALLED = 0, 1

    @classmethod
    def slots(cls, read):
        found = []
        for name in "AB":
            volume = fat.Volume(lambda offset, size, partition=letter_partition("config", name): read(partition, offset, size))
            try:
                content = volume.file("BGENV.DAT")
            except fat.Bad:
                continue
            if len(content) < 1032 or zlib.crc32(content[:-4]) != int.from_bytes(content[-4:], "little"):
                continue
            in_progress, state, _, revision = struct.unpack_from("<BBHI", content, 1020)
            usable = revision > 0 and not in_progress
            if usable and not cls.starts(content, name):
                raise Lost(f"the environment of slot {name} would start it without its kernel or arguments")
            found.append((revision, Slot(name, usable and state == cls.OK, int(usable and state == cls.INSTALLED))))
        if not found:
            raise Lost("no environment matches its checksum")
        return [slot for _, slot in sorted(found, key=lambda one: -one[0])]

    @staticmethod
    def starts(content, name):
        kernel, arguments = (content[start:start + 510].decode("utf-16le", "replace").split("\0")[0] for start in (0, 510))
        return kernel == f"C:SLOT{name}:linux.efi" and starts_slot(arguments, name)
