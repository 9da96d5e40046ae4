"""Root file systems on raw flash and under dm-verity: UBI volumes on a partition of the disk that Linux's block2mtd shows as flash."""
import pathlib
import stat
import struct

import cache
import debian
import kernel
import programs
import rootfs
from architecture import X86_64

MIB = 1 << 20
FLASH_MIB, VOLUME_MIB = 136, 60
BLOCK_BYTES = 128 << 10
HEADERS_BYTES = 128  # of a block, where one byte is the least that can be written: its erase counter, and which block of which volume it is
CONTENT_BYTES = BLOCK_BYTES - HEADERS_BYTES
VOLUMES = ("rootfs-a", "rootfs-b")  # by number
HOOK = rootfs.REPOSITORY / "integration/initramfs/aloft-verity"
VERITYSETUP = "/usr/sbin/veritysetup"
MODULES = ["block2mtd", "ubi", "dm-verity", "sha256_generic"]

# Sourced by the initramfs in the place of its own mount. What the kernel keeps back of the flash, which a real one would not, goes out soon.
# A slot on trial restarts at the first altered block, so that the boot loader counts it; on a committed one it is an input/output error.
MOUNT_ROOT = f"""
echo 20 > /proc/sys/vm/dirty_writeback_centisecs
echo 50 > /proc/sys/vm/dirty_expire_centisecs
for module in $(cat /modules/flash); do
  case $module in
    block2mtd.ko) insmod /modules/$module block2mtd=/dev/$(partition flash),{BLOCK_BYTES} ;;
    ubi.ko) insmod /modules/$module mtd=0 block=0,$label ;;
    *) insmod /modules/$module ;;
  esac || echo "initramfs: no $module"
done
volume=$(basename "$(dirname "$(grep -lx "$label" /sys/class/ubi/ubi0_*/name)")")
cat /proc/cmdline | tr -d '\\n' > /command-line
grep -q aloft.state=trial /proc/cmdline && echo -n " aloft.verity=restart" >> /command-line
export DM_DISABLE_UDEV=1 ALOFT_COMMAND_LINE=/command-line
root=$(aloft-verity "/dev/ubiblock${{volume#ubi}}") || reboot -f
mount -t ext4 -o ro "$root" /root || reboot -f
"""


def initramfs(tree):
    """What the initramfs has besides: {path: (mode, bytes)}, from a kernel's tree."""
    program, text = stat.S_IFREG | 0o755, stat.S_IFREG | 0o644
    files = {name: (stat.S_IFDIR | 0o755, b"") for name in ("lib", "lib64", "etc", "etc/aloft", "run", "tmp", "run/cryptsetup")}
    files["mount-root"] = (text, MOUNT_ROOT.encode())
    files["bin/aloft-verity"] = (program, HOOK.read_bytes())
    files["bin/veritysetup"] = (program, pathlib.Path(VERITYSETUP).read_bytes())
    for library in libraries(VERITYSETUP):
        files[f"{'lib64' if library.name.startswith('ld-') else 'lib'}/{library.name}"] = (program, library.read_bytes())
    for name in ("dirname", "reboot"):
        files[f"bin/{name}"] = (stat.S_IFLNK | 0o777, b"busybox")
    modules = kernel.module_files(tree, MODULES)
    files.update({f"modules/{module.name}": (program, module.read_bytes()) for module in modules})
    files["modules/flash"] = (text, "\n".join(module.name for module in modules).encode())
    return files


def libraries(program):
    """The files of all libraries that a program of the build host needs."""
    found, todo = {}, [pathlib.Path(program)]
    while todo:
        for name in rootfs.needed_libraries(todo.pop()):
            if name in found:
                continue
            places = [pathlib.Path(folder) / X86_64.triplet / name for folder in ("/usr/lib", "/lib")]
            found[name] = next(place for place in places if place.exists())
            todo.append(found[name])
    return sorted(found.values())


def contents(image):
    """The partition as the factory fills it: both volumes, and the image with its tree in the first."""
    protected = programs.with_tree(image)

    def make(folder):
        sections = [f"[{name}]\nmode=ubi\nvol_id={number}\nvol_type=dynamic\nvol_name={name}\nvol_size={VOLUME_MIB}MiB\n"
                    + (f"image={protected}\n" if number == 0 else "") for number, name in enumerate(VOLUMES)]
        (folder / "ubi.cfg").write_text("\n".join(sections))
        debian.run("ubinize", "-o", folder / "flash.img", "-p", BLOCK_BYTES, "-m", 1, folder / "ubi.cfg")
        with open(folder / "flash.img", "ab") as file:
            file.write(b"\xff" * (FLASH_MIB * MIB - file.tell()))

    return cache.entry("flash", [str(protected), *cache.source_digest("flash.py")], make) / "flash.img"


def place(flash, volume, offset):
    """Where a byte of a volume's content lies on the flash (a file at its start): by the headers of its blocks (Linux drivers/mtd/ubi/ubi-media.h)."""
    wanted, found = (volume, offset // CONTENT_BYTES), {}
    for block in range(0, FLASH_MIB * MIB, BLOCK_BYTES):
        head = flash[block:block + HEADERS_BYTES]
        magic, which, number, sequence = head[64:68], *struct.unpack(">II", head[72:80]), struct.unpack(">Q", head[104:112])[0]
        if magic == b"UBI!" and (which, number) == wanted:
            found[sequence] = block
    if not found:
        raise SystemExit(f"lab: no block of the flash says that it is {wanted}")
    return found[max(found)] + HEADERS_BYTES + offset % CONTENT_BYTES


def alter(disk, start, volume, offset):
    """Flips a bit of a volume's content on the disk, where nothing but dm-verity looks."""
    with open(disk, "r+b") as file:
        file.seek(start)
        where = start + place(file.read(FLASH_MIB * MIB), volume, offset)
        file.seek(where)
        byte = file.read(1)[0]
        file.seek(where)
        file.write(bytes([byte ^ 1]))


def offset_of(image, program):
    """Where the first block of a program lies in an image of a file system."""
    content, wanted = pathlib.Path(image).read_bytes(), pathlib.Path(program).read_bytes()[:4096]
    found = content.find(wanted)
    if found < 0:
        raise SystemExit(f"lab: {program} is not in {image} as it is")
    return found
