"""UEFI firmware (OVMF) and systemd-boot, which counts tries by the names of boot entries; kernels and entries are files on the EFI system partition."""
import cache
import debian
import efi
import rootfs
from model import Loader, Model, Mount, Partition, SlotClass

PROGRAM = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"
INTEGRATION = cache.HERE.parent / "integration/bootloader/systemd-boot"
ESP_MIB = 64
BOOT_SECTION = 'loader = "systemd-boot"\nentries = "/boot/efi/loader/entries"\ntemplates = "/etc/aloft/entries"\n'


def template(model, group):
    return f"title Slot {group}\nefi /aloft/{group.lower()}/linux.efi\noptions {efi.arguments(model, group)}\n"


def contents(model, images):
    """systemd-boot, slot A's kernel and its entry. The firmware starts systemd-boot, and starts it again where that gives up."""

    def make(folder):
        conf, entry = folder / "A.conf", folder / "aloft-A.conf"
        conf.write_text(template(model, "A"))
        entry.write_text(debian.run(INTEGRATION / "boot-entry", "--slot", "A", conf))
        efi.fat(folder / "esp.img", ESP_MIB, {"EFI/BOOT/BOOTX64.EFI": PROGRAM, "EFI/systemd/systemd-bootx64.efi": PROGRAM,
                                              "loader/loader.conf": INTEGRATION / "loader.conf", "loader/entries/aloft-A.conf": entry,
                                              "aloft/a/linux.efi": images["boot"]}, empty=["aloft/b"])

    made_from = [template(model, "A"), str(images["boot"]), *map(cache.file_digest, [PROGRAM, *sorted(INTEGRATION.iterdir())]),
                 *cache.source_digest("efi.py", "machines/systemd_boot.py")]
    entry = efi.load_option(model.partitions(), "ESP", "/EFI/systemd/systemd-bootx64.efi", "Linux Boot Manager")
    return {"ESP": cache.entry("systemd-boot-esp", made_from, make) / "esp.img", efi.FLASH.name: efi.variables([entry])}


def device_files(model):
    return {f"etc/aloft/entries/{group}.conf": template(model, group) for group in model.groups}


SYSTEMD_BOOT = Loader(name="systemd-boot", says="OVMF, systemd-boot", boot_section=lambda _: BOOT_SECTION, prepare=lambda *_: None, devices=efi.devices,
                      partitions=(Partition("ESP", ESP_MIB, "ef00"),), contents=contents, flash=efi.FLASH,
                      mounts=(Mount("ESP", "/boot/efi", "vfat", "umask=0077"), efi.VARIABLES_MOUNT), device_files=device_files,
                      first_slot="cd /boot/efi/loader/entries; for f in aloft-?.conf; do echo $(sed -n 's/^version //p' $f) $f; done | sort | "
                                 "sed -n '$s/.*aloft-\\(.\\).conf/\\1/p'")

SLOTS = (SlotClass("boot", 0, efi.program, kind="file", path="/boot/efi/aloft/{group}/linux.efi"), SlotClass("rootfs", 128, rootfs.slot_image))
MACHINES = [Model(name="systemd-boot-busybox", loader=SYSTEMD_BOOT, system="busybox", board=efi.BOARD, slots=SLOTS,
                  quick=("good", "panic", "hang-kernel"))]
