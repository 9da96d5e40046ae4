"""What machines with UEFI firmware (OVMF) have in common: one EFI program of kernel and initramfs for each version, FAT file systems, and the storage
with the firmware's variables behind the disk."""
import pathlib
import shutil
import struct
import uuid

import cache
import debian
import disk
import nvram
import rootfs
from model import Mount, Partition

PROGRAM = cache.HERE.parent / "integration/bootloader/efi/efi-program"
CODE, VARIABLES = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
FLASH = Partition("nvram", 1)
VARIABLES_MOUNT = Mount("", "/sys/firmware/efi/efivars", "efivarfs", "nosuid,nodev,noexec")
BOOT_MIB = 24  # of a FAT file system with one EFI program
BOARD = "q35,smm=off"


def arguments(model, group):
    """The kernel's, for a slot."""
    return f"root=PARTLABEL=rootfs-{group.lower()} ro rootwait {model.kernel_arguments()} aloft.slot={group}"


def program(model, version):
    """The path of a version's kernel and initramfs as one EFI program: what the root slot has in /boot, so that a fault in there is in it, too."""
    root = rootfs.slot_image(model, version)

    def make(folder):
        debian.run("debugfs", "-R", f"rdump /boot {folder}", root)
        debian.run(PROGRAM, "--kernel", folder / "boot/vmlinuz", "--initrd", folder / "boot/initrd.img", "--output", folder / "linux.efi")
        shutil.rmtree(folder / "boot")

    return cache.entry("efi-program", [str(root), cache.file_digest(PROGRAM), *cache.source_digest("efi.py")], make) / "linux.efi"


def boot_image(model, version):
    """The path of a boot slot's image: a FAT file system with the EFI program, /linux.efi."""
    linux = program(model, version)

    def make(folder):
        fat(folder / "boot.fat", BOOT_MIB, {"linux.efi": linux})

    return cache.entry("efi-boot", [str(linux), *cache.source_digest("efi.py")], make) / "boot.fat"


def fat(image, mib, files, empty=()):
    """A FAT file system with {path: file}, whose folders are made, and with empty folders."""
    debian.run("mkfs.vfat", "-C", "-n", "BOOT", "-i", "a10f7000", "--invariant", image, mib * 1024)
    above = [str(folder) for path in [*files, *(f"{name}/x" for name in empty)] for folder in reversed(pathlib.PurePath(path).parents) if folder.name]
    for folder in dict.fromkeys(above):
        debian.run("mmd", "-i", image, f"::{folder}")
    for path, file in files.items():
        debian.run("mcopy", "-i", image, file, f"::{path}")


def load_option(partitions, partition, file, label, text=""):
    """A boot entry that starts the file of a partition with the arguments in text (UEFI specification, 3.1.3 and 10.3), as efibootmgr makes it."""
    number = [each.name for each in partitions].index(partition) + 1
    start, size = disk.partition_offset(partitions, partition) // 512, partitions[number - 1].mib * (disk.MIB // 512)
    drive = struct.pack("<IQQ", number, start, size) + uuid.UUID(disk.partition_guid(partition)).bytes_le + b"\2\2"
    nodes = ((4, 1, drive), (4, 4, utf16(file.replace("/", "\\"))), (0x7F, 0xFF, b""))
    path = b"".join(struct.pack("<BBH", kind, sub, 4 + len(data)) + data for kind, sub, data in nodes)
    return struct.pack("<IH", 1, len(path)) + utf16(label) + path + (utf16(text) if text else b"")


def utf16(text):
    return text.encode("utf-16le") + b"\0\0"


def variables(entries):
    """The path of the firmware's variables as the factory leaves them, with boot entries in their order."""
    named = {f"Boot{number:04X}": entry for number, entry in enumerate(entries)}
    named["BootOrder"] = struct.pack(f"<{len(entries)}H", *range(len(entries)))

    def make(folder):
        fresh = pathlib.Path(VARIABLES).read_bytes()
        (folder / "vars.fd").write_bytes(nvram.with_variables(fresh, {name: (nvram.GLOBAL, value) for name, value in named.items()}))

    made_from = [[entry.hex() for entry in entries], cache.file_digest(VARIABLES), *cache.source_digest("efi.py", "nvram.py")]
    return cache.entry("efi-variables", made_from, make) / "vars.fd"


def devices(folder):
    """QEMU's arguments for the firmware, and for one file that holds the disk and, behind it, the flash with the firmware's variables: so that a
    recording of that file has the writes of both in their order."""
    storage = folder / "disk.img"
    disk_bytes = storage.stat().st_size - (FLASH.mib << 20)
    return ["-blockdev", f"driver=file,filename={storage},node-name=storage,cache.no-flush=on",
            "-blockdev", f"driver=raw,node-name=disk,file=storage,offset=0,size={disk_bytes}",
            "-blockdev", f"driver=raw,node-name=flash,file=storage,offset={disk_bytes},size={nvram.BYTES}",
            "-blockdev", f"driver=raw,node-name=code,read-only=on,file.driver=file,file.filename={CODE},file.read-only=on",
            "-machine", "pflash0=code,pflash1=flash", "-device", "virtio-blk-pci,drive=disk,share-rw=on"]
