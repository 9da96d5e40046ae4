"""The boot state as boot loaders read it, and what they would boot: a second reader, which shares nothing with src/boot. One class for each
boot loader; READERS finds it by the machine's loader."""
import struct
import zlib

import efistate
import fat
from slotstate import Lost, Slot


class Grub:
    """ORDER and x_STATE in EFI/aloft/grubenv on the EFI system partition."""
    partitions = ("ESP",)

    @staticmethod
    def slots(read):
        """In boot order. read(partition, offset, size) gives bytes of a partition."""
        try:
            block = fat.Volume(lambda offset, size: read("ESP", offset, size)).file("EFI/aloft/grubenv")
        except fat.Bad as problem:
            raise Lost(f"grubenv: {problem}") from problem
        if len(block) != 1024 or not block.startswith(b"# GRUB Environment Block\n"):
            raise Lost(f"grubenv is no environment block of 1024 bytes but {len(block)}, beginning {block[:16]!r}")
        values = dict(line.split("=", 1) for line in block.decode(errors="replace").split("\n") if "=" in line and not line.startswith("#"))
        found = []
        for name in values.get("ORDER", "").split():
            state = values.get(f"{name}_STATE", "")
            found.append(Slot(name, state == "good", int(state) if state in list("123456789") else 0))
        if not found:
            raise Lost("ORDER is empty")
        return found


class Uboot:
    """BOOT_ORDER, BOOT_x_LEFT and aloft_trial in a redundant environment at the start of the partition ubootenv."""
    partitions = ("ubootenv",)
    COPY_BYTES = 0x4000

    @classmethod
    def slots(cls, read):
        copies = []
        for number in range(2):
            raw = read("ubootenv", number * cls.COPY_BYTES, cls.COPY_BYTES)
            checksum, serial = struct.unpack_from("<IB", raw)
            if checksum == zlib.crc32(raw[5:]):
                copies.append((serial, raw[5:]))
        if not copies:
            raise Lost("both copies of the environment have a wrong checksum")
        serial, data = copies[0]
        if len(copies) == 2 and (copies[1][0] - serial) % 256 == 1:
            data = copies[1][1]
        values = dict(word.split("=", 1) for word in data.split(b"\0\0")[0].decode(errors="replace").split("\0") if "=" in word)
        found = []
        for name in values.get("BOOT_ORDER", "").split():
            left = int(values.get(f"BOOT_{name}_LEFT", "0") or "0", 16)
            on_trial = values.get("aloft_trial", "") == name
            found.append(Slot(name, left > 0 and not on_trial, left if on_trial else 0))
        if not found:
            raise Lost("BOOT_ORDER is empty")
        return found


READERS = {"grub": Grub, "uboot": Uboot, "uefi": efistate.Uefi, "systemd-boot": efistate.SystemdBoot, "efibootguard": efistate.EfiBootGuard}


def chosen(slots):
    """The slot that the boot loader boots first, or None."""
    return next((slot for slot in slots if slot.may_boot()), None)
