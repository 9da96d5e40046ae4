"""UEFI firmware (OVMF) and EFI Boot Guard, which starts the hardware watchdog before the kernel. A partition for each slot has its environment and
its kernel."""

import cache
import debian
import efi
import rootfs
from model import Loader, Model, Mount, Partition, SlotClass

PROGRAM = "/usr/lib/x86_64-linux-gnu/efibootguard/efibootguardx64.efi"
MAKE_ENVIRONMENTS = cache.HERE.parent / "integration/bootloader/efibootguard/make-environments"
ESP_MIB, CONFIG_MIB = 8, 32
WATCHDOG_S = 40


def kernel(group):
    return f"C:SLOT{group}:linux.efi"


def boot_section(model):
    def table(name, value):
        return f"[boot.{name}]\n" + "".join(f"{group} = '{value(group)}'\n" for group in model.groups)

    return (f'loader = "efibootguard"\nwatchdog_s = {WATCHDOG_S}\n' + table("environments", lambda group: f"/boot/config-{group.lower()}/BGENV.DAT")
            + table("kernels", kernel) + table("arguments", lambda group: efi.arguments(model, group)))


def contents(model, images):
    """EFI Boot Guard, and the two partitions with environments as the factory leaves them: slot A confirmed, slot B not to be started."""
    settings = {"WATCHDOG_S": str(WATCHDOG_S), "ALOFT_KERNEL_ARGUMENTS": model.kernel_arguments(), "ALOFT_KERNEL_A": kernel("A"), "ALOFT_KERNEL_B": kernel("B")}

    def make(folder):
        debian.run(MAKE_ENVIRONMENTS, folder, env={"PATH": "/usr/bin:/bin", **settings})
        efi.fat(folder / "esp.img", ESP_MIB, {"EFI/BOOT/BOOTX64.EFI": PROGRAM})
        for group in "ab":
            label = folder / f"label-{group}"
            label.write_bytes(f"SLOT{group.upper()}".encode("utf-16le"))
            files = {"EFILABEL": label, "BGENV.DAT": folder / group / "BGENV.DAT", **({"linux.efi": images["boot"]} if group == "a" else {})}
            efi.fat(folder / f"config-{group}.img", CONFIG_MIB, files)

    made_from = [settings, str(images["boot"]), cache.file_digest(PROGRAM), cache.file_digest(MAKE_ENVIRONMENTS),
                 *cache.source_digest("efi.py", "machines/efibootguard.py")]
    made = cache.entry("efibootguard", made_from, make)
    entry = efi.load_option(model.partitions(), "ESP", "/EFI/BOOT/BOOTX64.EFI", "EFI Boot Guard")
    return {"ESP": made / "esp.img", "config-a": made / "config-a.img", "config-b": made / "config-b.img", efi.FLASH.name: efi.variables([entry])}


def config(letter):
    return Mount(f"config-{letter}", f"/boot/config-{letter}", "vfat", "umask=0077")


# Which of the environments that bg_printenv shows is started: the highest revision.
FIRST_SLOT = ("for s in a b; do bg_printenv -r -f /boot/config-$s/BGENV.DAT > /tmp/env; "
              "echo $(sed -n 's/^REVISION=//p' /tmp/env) $s; done | sort -n | sed -n '$s/.* //p' | tr ab AB")

EFIBOOTGUARD = Loader(name="efibootguard", says="OVMF, EFI Boot Guard", boot_section=boot_section, prepare=lambda *_: None, devices=efi.devices,
                      partitions=(Partition("ESP", ESP_MIB, "ef00"), Partition("config-a", CONFIG_MIB, "0700"), Partition("config-b", CONFIG_MIB, "0700")),
                      contents=contents, flash=efi.FLASH, most_tries=1, mounts=(config("a"), config("b")), device_programs=("/usr/bin/bg_printenv",),
                      first_slot=FIRST_SLOT, starts_watchdog=True, locks_watchdog=True)

SLOTS = (SlotClass("boot", 0, efi.program, kind="file", path="/boot/config-{group}/linux.efi"), SlotClass("rootfs", 128, rootfs.slot_image))
MACHINES = [Model(name="efibootguard-busybox", loader=EFIBOOTGUARD, system="busybox", board=efi.BOARD, slots=SLOTS,
                  quick=("good", "panic", "hang-early"))]
