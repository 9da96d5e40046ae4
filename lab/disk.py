"""A device's disk as the factory delivers it: EFI system partition with GRUB, slots A and B, state."""
import pathlib
import shutil
import tempfile

import cache
import debian

MIB = 1 << 20
ESP_MIB, SLOT_MIB, STATE_MIB = 32, 128, 64
GRUB_CONFIG = cache.HERE.parent / "integration/bootloader/grub/grub-config"
FIRST_BOOT_STATE = ["ORDER=A B", "A_STATE=good", "B_STATE=0"]
PARTITIONS = [("ESP", ESP_MIB, "ef00"), ("rootfs-a", SLOT_MIB, "8300"), ("rootfs-b", SLOT_MIB, "8300"), ("state", STATE_MIB, "8300")]


def esp_image():
    """The EFI system partition: GRUB with the project's grub.cfg inside, and a boot state that knows only slot A."""

    def make(folder):
        image, loader, config, env = (folder / name for name in ("esp.img", "BOOTX64.EFI", "grub.cfg", "grubenv"))
        config.write_text(debian.run(GRUB_CONFIG, "--slot", "A:2:rootfs-a", "--slot", "B:3:rootfs-b", "--initrd", "/boot/initrd.img",
                                     "--args", "console=ttyS0 quiet mitigations=off panic=1", "--serial", "0"))
        modules = debian.run(GRUB_CONFIG, "--modules").strip()
        debian.run("grub-mkstandalone", "-O", "x86_64-efi", "-o", loader, f"--modules={modules}", f"--install-modules={modules}",
                   "--locales=", "--themes=", "--fonts=", f"boot/grub/grub.cfg={config}")
        debian.run("grub-editenv", env, "create")
        debian.run("grub-editenv", env, "set", *FIRST_BOOT_STATE)
        debian.run("mkfs.vfat", "-C", "-n", "ESP", image, ESP_MIB * 1024)
        debian.run("mmd", "-i", image, "::EFI", "::EFI/BOOT", "::EFI/aloft")
        debian.run("mcopy", "-i", image, loader, "::EFI/BOOT/BOOTX64.EFI")
        debian.run("mcopy", "-i", image, env, "::EFI/aloft/grubenv")

    return cache.entry("esp", [cache.file_digest(GRUB_CONFIG), *cache.source_digest("disk.py")], make) / "esp.img"


def state_image(path, files):
    """An ext4 with the given {name: text}: the device's identity, where its server is, its enrolment token."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name, text in files.items():
            file = pathlib.Path(folder) / name
            file.write_text(text)
            file.chmod(0o600)
        debian.run("mkfs.ext4", "-q", "-F", "-m", "0", "-L", "state", "-d", folder, path, f"{STATE_MIB}M")


def make(path, esp, slot_a, state):
    """Writes the whole disk; slot B is empty."""
    total = sum(size for _, size, _ in PARTITIONS) + 2
    path.unlink(missing_ok=True)
    with open(path, "wb") as file:
        file.truncate(total * MIB)
    options, contents = [], {"ESP": esp, "rootfs-a": slot_a, "state": state}
    for number, (name, size, kind) in enumerate(PARTITIONS, start=1):
        options += [f"-n{number}:{partition_offset(name) // 512}:+{size}M", f"-t{number}:{kind}", f"-c{number}:{name}"]
        if name in contents:
            copy_sparsely(contents[name], path, partition_offset(name))
    debian.run("sgdisk", *options, path)


def partition_offset(name):
    """In bytes from the disk's start."""
    names = [partition for partition, _, _ in PARTITIONS]
    return (1 + sum(size for _, size, _ in PARTITIONS[:names.index(name)])) * MIB


def copy_sparsely(source, target, offset):
    zeros = bytes(MIB)
    with open(source, "rb") as read, open(target, "r+b") as write:
        while piece := read.read(MIB):
            if piece != zeros[: len(piece)]:
                write.seek(offset)
                write.write(piece)
            offset += len(piece)


def firmware_variables(path):
    shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", path)
