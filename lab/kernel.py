"""The kernel and an initramfs small enough for a slow boot loader: busybox, the modules the machine needs, and one script."""
import gzip
import hashlib
import pathlib
import re
import stat

import cache
import debian
import programs

MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "nvme", "ext4", "crc32c_generic", "vfat", "nls_cp437", "nls_ascii",
           "nls_iso8859-1", "nls_utf8", "efivarfs", "i6300esb", "loop"]
USB_MODULES = ["xhci_pci", "usb_storage", "sd_mod"]

# The slot's file system, the state partition, the site's settings and the machine's identity are put together here, so that both root
# file systems of the lab find them the same way. The network is brought up here for the same reason.
INIT = r"""#!/bin/busybox sh
export PATH=/bin
mkdir -p /dev /proc /sys /root /site
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
[ -f /fault-early ] && . /fault-early
for module in $(cat /modules/order); do insmod /modules/$module || echo "initramfs: no $module"; done

# From here on a hang ends in a reset, until the agent takes the watchdog over.
aloft-watchdog --timeout @TIMEOUT@ --for @FOR@ || echo "initramfs: no watchdog"
[ -f /fault ] && . /fault

slot=$(sed -n 's/.*aloft\.slot=\([A-Z]\).*/\1/p' /proc/cmdline)
partition() { # LABEL: waits up to 10 s for it
  for try in $(seq 100); do
    entry=$(grep -l "^PARTNAME=$1\$" /sys/class/block/*/uevent)
    [ -n "$entry" ] && { basename "${entry%/uevent}"; return; }
    sleep 0.1
  done
}
label=$(sed -n 's/.*root=PARTLABEL=\([^ ]*\).*/\1/p' /proc/cmdline)
[ -n "$label" ] || label=rootfs-$(echo "$slot" | tr A-Z a-z)
if [ -f /mount-root ]; then
  . /mount-root
else
  mount -t ext4 -o ro "/dev/$(partition $label)" /root || echo "initramfs: no root file system on $label"
fi
mount -t ext4 -o noatime "/dev/$(partition state)" /root/@STATE@ || echo "initramfs: no state partition"
[ -d /root/data/aloft ] && mount -o bind /root/data/aloft /root/var/lib/aloft
# Where the application has a slot of its own, that of the same group.
app=app-$(echo "$slot" | tr A-Z a-z)
if grep -q "^PARTNAME=$app\$" /sys/class/block/*/uevent; then
  mount -t ext4 -o ro "/dev/$(partition $app)" /root/opt/application || echo "initramfs: no application on $app"
fi

mount -t tmpfs -o mode=0755,nosuid run /root/run
[ -f /version ] && cat /version > /root/run/boot-version
site=/root/var/lib/aloft/site.toml
if [ -f $site ]; then
  mkdir -p /root/run/site
  cat /root/etc/aloft/system.toml $site > /root/run/site/system.toml
  mount -o bind /root/run/site/system.toml /root/etc/aloft/system.toml
  cat /root/var/lib/aloft/machine-id > /root/run/site/machine-id
  mount -o bind /root/run/site/machine-id /root/etc/machine-id
fi

# Small receive buffers, as small devices have them: what stands in them when the power fails is fetched again.
echo "4096 131072 524288" > /proc/sys/net/ipv4/tcp_rmem
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
echo "lab: slot $slot, version $(cat /root/etc/aloft/version), $(cut -d' ' -f1 /proc/uptime) s after the kernel's start"

mount --move /proc /root/proc
mount --move /sys /root/sys
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""


def busybox(architecture):
    return pathlib.Path("/bin/busybox") if architecture.native else debian.foreign_tree(architecture) / "bin/busybox"


def module_files(tree, names):
    """The modules' files and all they depend on, in an order in which insmod accepts them."""
    (folder,) = (tree / "lib/modules").iterdir()
    depends = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        file, needs = line.split(":")
        depends[file] = needs.split()
    by_name = {re.sub(r"\.ko$", "", pathlib.Path(file).name).replace("-", "_"): file for file in depends}
    built_in = {pathlib.Path(line).stem.replace("-", "_") for line in (folder / "modules.builtin").read_text().splitlines()}
    order = []

    def add(file):
        for need in reversed(depends[file]):
            add(need)
        if file not in order:
            order.append(file)

    for name in (name.replace("-", "_") for name in names):
        if name in by_name:
            add(by_name[name])
        elif name not in built_in:
            raise SystemExit(f"lab: the kernel package has no module {name}")
    return [folder / file for file in order]


def archive(files):
    """A cpio archive (newc) of {path: (mode, bytes)}, the same bytes for the same files."""
    out = bytearray()

    def add(name, mode, data, number):
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out.extend(b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0")
        out.extend(b"\0" * (-len(out) % 4) + data)
        out.extend(b"\0" * (-len(out) % 4))

    for number, (name, (mode, data)) in enumerate(sorted(files.items()), start=1):
        add(name, mode, data, number)
    add("TRAILER!!!", 0, b"", 0)
    return bytes(out)


def initramfs(tree, model):
    """The machine's initramfs. A version that is to fail in it gets a second archive behind it, with /fault; see appended()."""
    timeout, time = model.early_watchdog_s
    init = INIT.replace("@TIMEOUT@", str(timeout)).replace("@FOR@", str(time)).replace("@STATE@", "data" if model.app_data else "var/lib/aloft")
    folder, program = (stat.S_IFDIR | 0o755, b""), stat.S_IFREG | 0o755
    files = {"bin": folder, "modules": folder, "init": (program, init.encode()), "bin/busybox": (program, busybox(model.architecture).read_bytes()),
             "bin/aloft-watchdog": (program, programs.program("aloft-watchdog", model.architecture).read_bytes())}
    for name in "sh mount mkdir insmod cat sed grep basename seq sleep ip cut echo tr switch_root".split():
        files[f"bin/{name}"] = (stat.S_IFLNK | 0o777, b"busybox")
    modules = module_files(tree, [*MODULES, *model.architecture.modules, *model.loader.modules, *(USB_MODULES if model.usb else [])])
    for module in modules:
        files[f"modules/{module.name}"] = (program, module.read_bytes())
    files.update(model.loader.initramfs(tree))
    files["modules/order"] = (program, "\n".join(module.name for module in modules).encode())
    return gzip.compress(archive(files), 6, mtime=0)


def appended(image, files):
    """An initramfs image with more files: the kernel unpacks one archive after the other."""
    return image + bytes(-len(image) % 4) + gzip.compress(archive(files), 6, mtime=0)


def boot_folder(model):
    """A folder with vmlinuz and initrd.img as a slot of the machine carries them in /boot."""

    def make(folder):
        tree = debian.kernel_tree(model.architecture)
        (image,) = (tree / "boot").glob("vmlinuz-*")
        (folder / "vmlinuz").write_bytes(image.read_bytes())
        (folder / "initrd.img").write_bytes(initramfs(tree, model))

    besides = model.loader.initramfs(debian.kernel_tree(model.architecture))
    made_from = [debian.kernel_package(), model.architecture.name, model.loader.modules, model.usb, model.early_watchdog_s, model.app_data,
                 hashlib.sha256(archive(besides)).hexdigest() if besides else "",
                 cache.file_digest(programs.program("aloft-watchdog", model.architecture)), cache.file_digest(busybox(model.architecture)), *cache.source_digest("kernel.py")]
    return cache.entry("boot", made_from, make)
