"""UEFI firmware (OVMF) and GRUB with the project's grub.cfg; the boot state is a file on the EFI system partition."""
import shutil

import cache
import debian
import rootfs
from model import Loader, Model, Mount, Partition, SlotClass

ESP_MIB = 32
CONFIG = cache.HERE.parent / "integration/bootloader/grub/grub-config"
BOOT_SECTION = 'loader = "grub"\ngrubenv = "/boot/efi/EFI/aloft/grubenv"\n'
FACTORY_STATE = ["ORDER=A B", "A_STATE=good", "B_STATE=0"]


def contents(model, _):
    """GRUB with grub.cfg inside, and a boot state that knows only slot A."""
    config_options = ["--initrd", "/boot/initrd.img", "--args", model.kernel_arguments(), "--serial", "0", *model.boot_slots()]

    def make(folder):
        image, loader, config, env = (folder / name for name in ("esp.img", "BOOTX64.EFI", "grub.cfg", "grubenv"))
        config.write_text(debian.run(CONFIG, *config_options))
        modules = debian.run(CONFIG, "--modules").strip()
        debian.run("grub-mkstandalone", "-O", "x86_64-efi", "-o", loader, f"--modules={modules}", f"--install-modules={modules}",
                   "--locales=", "--themes=", "--fonts=", f"boot/grub/grub.cfg={config}")
        debian.run("grub-editenv", env, "create")
        debian.run("grub-editenv", env, "set", *FACTORY_STATE)
        debian.run("mkfs.vfat", "-C", "-n", "ESP", image, ESP_MIB * 1024)
        debian.run("mmd", "-i", image, "::EFI", "::EFI/BOOT", "::EFI/aloft")
        debian.run("mcopy", "-i", image, loader, "::EFI/BOOT/BOOTX64.EFI")
        debian.run("mcopy", "-i", image, env, "::EFI/aloft/grubenv")

    made_from = [config_options, cache.file_digest(CONFIG), *cache.source_digest("machines/grub.py")]
    return {"ESP": cache.entry("grub-esp", made_from, make) / "esp.img"}


def prepare(_, folder):
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", folder / "vars.fd")


def devices(folder):
    return ["-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
            "-drive", f"if=pflash,format=raw,file={folder / 'vars.fd'}",
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={folder / 'disk.img'}", "-device", "virtio-blk-pci,drive=disk,bootindex=0"]


GRUB = Loader(name="grub", says="OVMF, GRUB", boot_section=lambda _: BOOT_SECTION, prepare=prepare,
              devices=devices, partitions=(Partition("ESP", ESP_MIB, "ef00"),), contents=contents,
              mounts=(Mount("ESP", "/boot/efi", "vfat", "umask=0077,nofail"),),
              first_slot="sed -n 's/^ORDER=\\([A-Z]*\\).*/\\1/p' /boot/efi/EFI/aloft/grubenv")

SLOTS = (SlotClass("rootfs", 128, rootfs.slot_image),)
MACHINES = [Model(name="grub-debian", loader=GRUB, system="debian", slots=SLOTS, usb=True, app_data="/data/app",
                  quick=("factory-reset", "unhealthy", "hang-agent", "cut", "usb")),
            Model(name="grub-busybox", loader=GRUB, system="busybox", slots=SLOTS, quick=("good", "panic", "hang-kernel"))]
