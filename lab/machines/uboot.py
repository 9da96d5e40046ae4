"""U-Boot with the project's boot script; the boot state is a redundant environment on the product's disk, shared with Linux."""
import dataclasses
import functools
import shutil
import struct
import zlib

import cache
import debian
import disk
import flash
import machine
import rootfs
from architecture import ARM64
from model import Loader, Model, Partition, SlotClass

CONFIG = cache.HERE.parent / "integration/bootloader/uboot/uboot-config"
X86_ROM, ARM64_ROM = "/usr/lib/u-boot/qemu-x86/u-boot.rom", "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
COPY_BYTES = 0x4000
WATCHDOG_S = 60                                     # until the initramfs has the watchdog's driver, on a busy host
X86_WATCHDOG, ARM64_WATCHDOG = 0xDFFF0000, 0x3EE00000  # where U-Boot is to see its registers: room for PCI devices
FW_ENV_CONFIG = "".join(f"/dev/disk/by-partlabel/ubootenv {offset:#x} {COPY_BYTES:#x}\n" for offset in (0, COPY_BYTES))
BOOT_SECTION = 'loader = "uboot"\nfw_env_config = "/etc/fw_env.config"\ninitial_env = "/dev/null"\n'


def environment(variables, serial):
    """One copy of U-Boot's redundant environment: CRC-32, serial number, NAME=VALUE strings (U-Boot include/env_internal.h)."""
    data = b"".join(f"{name}={value}\0".encode() for name, value in variables.items()).ljust(COPY_BYTES - 5, b"\0")
    return struct.pack("<IB", zlib.crc32(data), serial) + data


def factory_state(model):
    """A boot state that knows only what the factory has filled: slot A, and a recovery system; and a variable that is none of ours."""
    filled = "A" + model.recovery_group
    return {"BOOT_ORDER": " ".join(filled), **{f"BOOT_{group}_LEFT": "3" if group in filled else "0" for group in model.all_groups},
            "board_serial": "10-7f"}


def contents(model, _):
    """The boot state in both copies."""
    state = factory_state(model)

    def make(folder):
        (folder / "env.img").write_bytes(environment(state, 2) + environment(state, 1))

    return {"ubootenv": cache.entry("uboot-env", [state, *cache.source_digest("machines/uboot.py")], make) / "env.img"}


def script_options(model):
    """What uboot-config is told of the machine's disk."""
    partitions = model.partitions()
    options = ["--initrd", "/boot/initrd.img", "--args", model.kernel_arguments(), *model.boot_slots()]
    start = disk.partition_offset(partitions, "ubootenv")
    return [*options, "--env", f"raw:{start:#x}:{start + COPY_BYTES:#x}:{COPY_BYTES:#x}"]


def firmware_disk(options):
    """The disk that stands for the board's own flash: FAT with boot.scr, which Debian's U-Boot runs."""

    def make(folder):
        command, script, image = (folder / name for name in ("boot.cmd", "boot.scr", "fat.img"))
        command.write_text(debian.run(CONFIG, *options))
        debian.run("mkimage", "-T", "script", "-C", "none", "-d", command, script)
        debian.run("mkfs.vfat", "-C", "-n", "FIRMWARE", image, 14 * 1024)
        debian.run("mcopy", "-i", image, script, "::boot.scr")
        disk.make(folder / "firmware.img", [Partition("firmware", 14, "0700")], {"firmware": image})

    return cache.entry("uboot-firmware", [options, cache.file_digest(CONFIG), *cache.source_digest("machines/uboot.py", "disk.py")], make) / "firmware.img"


def start_watchdog(address):
    """Commands that start the i6300ESB, for which Debian's U-Boot has no driver: its registers at the address, no interrupt, two stages of half the
    time each, on (Intel 6300ESB I/O Controller Hub, 15: configuration 60h, lock 68h; preload values 0 and 4, each behind 80h and 86h at 0Ch)."""
    device, ticks = f"{machine.WATCHDOG_PLACE}.0", WATCHDOG_S * 1024 // 2
    stages = [command for register in (0, 4) for command in (f"mw.w {address + 12:x} 80 1", f"mw.w {address + 12:x} 86 1", f"mw.l {address + register:x} {ticks:x} 1")]
    return "; ".join([f"pci write.w {device} 4 2", f"pci write.l {device} 10 {address:x}", f"pci write.w {device} 60 3", *stages, f"pci write.b {device} 68 2"])


def prepare_x86(model, folder, product_disk="nvme:0"):
    options = [*script_options(model), "--watchdog", start_watchdog(X86_WATCHDOG), "--disk", product_disk, "--boot", "zboot", "--kernel-at", "1000000", "--initrd-at", "8000000", "--buffer", "6000000"]
    shutil.copy(firmware_disk(options), folder / "firmware.img")


def devices(rom, folder):
    return ["-bios", rom, "-drive", f"file={folder / 'firmware.img'},if=virtio,format=raw,cache=unsafe",
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={folder / 'disk.img'}", "-device", "nvme,drive=disk,serial=lab"]


def virtio_devices(folder):
    return ["-bios", X86_ROM, "-drive", f"if=none,id=firmware,format=raw,cache=unsafe,file={folder / 'firmware.img'}",
            "-device", "virtio-blk-pci,drive=firmware",
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={folder / 'disk.img'}", "-device", "virtio-blk-pci,drive=disk"]


def freezable(model):
    """An x86-64 machine with its disk on virtio instead of NVMe, whose state QEMU cannot keep; for campaign.py."""
    loader = dataclasses.replace(model.loader, prepare=functools.partial(prepare_x86, product_disk="virtio:1"), devices=virtio_devices)
    return dataclasses.replace(model, loader=loader)


def prepare_arm64(model, folder):
    options = [*script_options(model), "--watchdog", start_watchdog(ARM64_WATCHDOG), "--disk", "nvme:0", "--boot", "booti", "--kernel-at", "40400000", "--initrd-at", "44000000", "--buffer", "48000000"]
    shutil.copy(firmware_disk(options), folder / "firmware.img")


UBOOT = Loader(name="uboot", says="U-Boot", boot_section=lambda _: BOOT_SECTION, prepare=prepare_x86, devices=functools.partial(devices, X86_ROM),
               partitions=(Partition("ubootenv", 1),), contents=contents, device_files=lambda _: {"etc/fw_env.config": FW_ENV_CONFIG},
               device_programs=("/usr/bin/fw_printenv",), starts_watchdog=True, first_slot='mkdir -p /run/lock; fw_printenv -n BOOT_ORDER | cut -d" " -f1')

# The same on another processor: other firmware, other addresses.
UBOOT_ARM64 = dataclasses.replace(UBOOT, prepare=prepare_arm64, devices=functools.partial(devices, ARM64_ROM))



def flash_contents(model, images):
    """The boot state, and the flash with group A's root volume."""
    return {**contents(model, images), "flash": flash.contents(images["rootfs"])}


# The same with a partition of the disk that stands for raw flash.
UBOOT_UBI = dataclasses.replace(UBOOT, says="U-Boot; root on UBI and dm-verity", partitions=(*UBOOT.partitions, Partition("flash", flash.FLASH_MIB)),
                                contents=flash_contents, initramfs=flash.initramfs)

SLOTS = (SlotClass("rootfs", 128, rootfs.slot_image),)
MACHINES = [Model(name="uboot-busybox", loader=UBOOT, system="busybox", slots=SLOTS, board="pc",
                  quick=("good", "panic", "unhealthy", "hang-init", "cut")),
            Model(name="uboot-arm64", loader=UBOOT_ARM64, system="busybox", slots=SLOTS, architecture=ARM64, board="virt"),
            Model(name="uboot-abc", loader=UBOOT, system="busybox", board="pc", groups="ABC",
                  slots=(SlotClass("boot", 32, rootfs.boot_image), SlotClass("rootfs", 128, rootfs.slot_image), SlotClass("app", 16, rootfs.app_image)),
                  quick=("good", "panic", "mixed")),
            Model(name="uboot-recovery", loader=UBOOT, system="busybox", board="pc", slots=SLOTS, groups="A",
                  recovery=SlotClass("recovery", 128, rootfs.slot_image), quick=("recovery-good",)),
            Model(name="uboot-ubi", loader=UBOOT_UBI, system="busybox", board="pc", verity=("rootfs",),
                  slots=(SlotClass("boot", 40, rootfs.boot_image), SlotClass("rootfs", 0, rootfs.slot_image, device="ubi:{partition}", kind="ubi")),
                  quick=("verity",))]
