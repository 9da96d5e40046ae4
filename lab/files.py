"""Power cuts of real file systems: an update of a file tree on ext4, GRUB's boot state on FAT and the agent's own state on ext4, recorded in
User-Mode Linux write by write; then every state that a cut could have left, judged by other programs than the kernel."""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import types

import debian
import disk
import guest_tree
import judge
import programs
import uml
from model import HARDWARE, PRODUCT, Partition

UPDATE_S = 300
PARTITIONS = (Partition("ESP", 8), Partition("state", 12), Partition("rootfs-a", 12), Partition("rootfs-b", 12))
MODEL = types.SimpleNamespace(name="files", partitions=lambda: PARTITIONS, loader=types.SimpleNamespace(name="grub", flash=None), tries=3)
MODULES = ("dm-mod", "dm-log-writes", "nls_cp437", "nls_ascii", "nls_iso8859-1", "fat", "vfat")
TOOLS = ("/sbin/dmsetup", "/sbin/mkfs.ext4")
STORIES = {"good": 0, "unhealthy": 1}  # status of the health check in the new system

SETTINGS = f"""product = "{PRODUCT}"
hardware = "{HARDWARE}"
state_dir = "/state"
trust_dir = "/etc/aloft/trust"
[boot]
grubenv = "/esp/EFI/aloft/grubenv"
[group.A.rootfs]
device = "/dev/mapper/rootfs-a"
type = "ext4"
[group.B.rootfs]
device = "/dev/mapper/rootfs-b"
type = "ext4"
[health]
dir = "/etc/aloft/health.d"
require_units = false
{guest_tree.PLAYED_BOOT}"""

# One update from its begin to its end. watch: what the agent says of itself goes into the log as a mark, from where on it must be true.
INIT = """#!/bin/sh
export PATH=/bin:/sbin DM_DISABLE_UDEV=1
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmpfs /tmp
fail() {{ echo "$1"; cat /tmp/log; poweroff -f; }}
watch() {{
  last=
  while :; do
    now=$(aloftd status --json 2>/dev/null | tr -d ' \\n' | sed -n 's/.*"update":{{[^}}]*"state":"\\([a-z-]*\\)".*/\\1/p')
    [ "$now" = "$last" ] || [ -z "$now" ] || dmsetup message disk 0 mark "$now"
    last=${{now:-$last}}
  done
}}
boot() {{
  echo "aloft.slot=$1" >/tmp/cmdline; echo "a10f0000-0000-4000-8000-00000000000$2" >/tmp/boot-id; echo "$3" >/tmp/version
  aloftd daemon 2>>/tmp/log & agent=$!
  until aloftd status >/dev/null 2>&1; do sleep 0.1; done
}}
await() {{
  for i in $(seq 1 1000); do eval "$1" && return; sleep 0.1; done
  fail "not in time: $1"
}}
restarts() {{ await 'test -e /tmp/rebooted'; sleep 0.5; kill -9 $agent; wait $agent; rm /tmp/rebooted; }}
for module in {modules}; do insmod /modules/$module.ko || fail "no module $module"; done
dmsetup create disk --table '0 {sectors} log-writes /dev/ubda /dev/ubdb' || fail 'no log'
{volumes}
mount -t vfat -o codepage=437,iocharset=iso8859-1 /dev/mapper/ESP /esp && mount -t ext4 /dev/mapper/state /state || fail 'no file systems'
boot A 1 1.0
watch & watcher=$!
aloftd install /update.aloft || fail 'no install'
restarts
sed 's/B_STATE=3/B_STATE=2/' /esp/EFI/aloft/grubenv >/tmp/env && dd if=/tmp/env of=/esp/EFI/aloft/grubenv conv=notrunc,fsync 2>/dev/null
boot B 2 2.0
{end}
sleep 7
kill $watcher; kill -9 $agent
umount /esp; umount /state
dmsetup remove ESP state rootfs-a rootfs-b; dmsetup remove disk
echo; echo done
poweroff -f
"""
ENDS = {"good": """await 'aloftd status --json | tr -d " \\n" | grep -q "\\"state\\":\\"committed\\""'""",
        "unhealthy": """restarts; boot A 3 1.0; await 'aloftd status --json | tr -d " \\n" | grep -q "\\"state\\":\\"rolled-back\\""'"""}


def release(folder):
    """A tree as releases have them: many small files, one large, links and modes (none that debugfs would not bring back); and its archive."""
    tree, draw = folder / "release", random.Random(1)
    for name in ("bin", "etc/deep/er", "var/empty"):
        (tree / name).mkdir(parents=True)
    for number in range(60):
        (tree / f"etc/file-{number:02}").write_bytes(draw.randbytes(draw.randrange(0, 9000)))
    (tree / "bin/application").write_bytes(draw.randbytes(1_500_000))
    (tree / "bin/application").chmod(0o750)
    (tree / "etc/deep/er/private").write_text("only for its owner\n")
    (tree / "etc/deep/er/private").chmod(0o600)
    (tree / "bin/link").symlink_to("application")
    (tree / "bin/hard").hardlink_to(tree / "bin/application")
    debian.run("tar", "--format=pax", "--numeric-owner", "--sort=name", "--mtime=@1700000000", "-C", tree, "-cf", folder / "rootfs.tar", ".")
    programs.aloft("bundle", "create", "--product", PRODUCT, "--hardware", HARDWARE, "--version", "2.0", "--image", f"rootfs={folder / 'rootfs.tar'}",
                   "--type", "rootfs=tar", "--key", programs.keys() / "signer.key", "--cert", programs.keys() / "signer.pem", "--output", folder / "update.aloft")
    return tree


def fill_guest(tree, folder, story):
    """The root of the guest: a small system with the agent, the bundle and the script."""
    sectors = {each.name: (disk.partition_offset(PARTITIONS, each.name) // 512, each.mib * 2048) for each in PARTITIONS}
    volumes = "\n".join(f"dmsetup create {name} --table '0 {size} linear /dev/mapper/disk {start}' || fail 'no {name}'" for name, (start, size) in sectors.items())
    texts = {"etc/aloft/system.toml": SETTINGS, "etc/machine-id": "a10f7000000000000000000000000003\n",
             "etc/aloft/health.d/10-application": f'#!/bin/sh\ngrep -q slot=A /tmp/cmdline || exit {STORIES[story]}\n',
             "init": INIT.format(modules=" ".join(MODULES), sectors=disk.disk_bytes(PARTITIONS) // 512, volumes=volumes, end=ENDS[story])}
    guest_tree.make(tree, TOOLS, ("esp", "state", "etc/aloft/health.d"), texts)
    shutil.copy(folder / "update.aloft", tree / "update.aloft")
    for module in uml.modules(MODULES):
        shutil.copy(module, tree / "modules")


def factory_disk(path, work):
    """GRUB's state for group A, an empty state partition; what is in A does not matter, as nothing writes there."""
    esp, env, state = work / "esp.img", work / "grubenv", work / "state.img"
    debian.run("mkfs.vfat", "-C", esp, 8 * 1024)
    debian.run("grub-editenv", env, "create")
    debian.run("grub-editenv", env, "set", "ORDER=A B", "A_STATE=good", "B_STATE=0")
    debian.run("mmd", "-i", esp, "::EFI", "::EFI/aloft")
    debian.run("mcopy", "-i", esp, env, "::EFI/aloft/grubenv")
    disk.state_image(state, 12, {})
    disk.make(path, PARTITIONS, {"ESP": esp, "state": state})


class Recording:
    """A folder with the disk before (base.img), the log of its writes (writes.log) and the tree of the release."""
    model = MODEL

    def __init__(self, folder, story):
        self.folder, self.story = pathlib.Path(folder), story

    def exists(self):
        return (self.folder / "writes.log").exists()

    def make(self, _):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with judge.work_folder() as place:
            work = pathlib.Path(place)
            tree = release(work)
            fill_guest(work / "guest", work, self.story)
            factory_disk(self.folder / "base.img", work)
            judge.copy(self.folder / "base.img", work / "disk.img")
            with open(work / "log", "wb") as log:
                log.truncate(512 << 20)
            uml.run(work / "guest", [work / "disk.img", work / "log"], UPDATE_S)
            (self.folder / "tree.json").write_text(json.dumps(listing(tree), indent=1))
            judge.copy(work / "log", self.folder / "writes.new")
        (self.folder / "writes.new").rename(self.folder / "writes.log")

    def told_by(self, log):
        """[(entries, state)]"""
        return [(entries, mark) for entries, mark in log.marks if mark in judge.RECORDED]

    def judge_of(self, image, work):
        return judge.Judge(MODEL, image, Trees(image, json.loads((self.folder / "tree.json").read_text()), work), judge.StatePartition(image, work))


class Trees:
    """Which release each group holds. Nothing of the recording may write to group A."""

    def __init__(self, image, wanted, work):
        self.disk, self.wanted, self.file = image, wanted, pathlib.Path(work) / "rootfs.img"
        self.known = None

    def touched(self, offset, size):
        partition = self.disk.partition_at(offset)
        if partition == "rootfs-a":
            raise AssertionError(f"{size} bytes were written to the slot that runs")
        if partition == "rootfs-b":
            self.known = None

    def held(self, group):
        if group == "A":
            return "1.0"
        if self.known is None:
            self.known = self.look()
        return "2.0" if self.known else None

    def look(self):
        """As the next start finds it: checked and mended, then read by debugfs."""
        self.file.write_bytes(self.disk.read("rootfs-b", 0, self.disk.sizes["rootfs-b"]))
        checked = subprocess.run(["e2fsck", "-fy", str(self.file)], capture_output=True)
        out = self.file.with_suffix(".tree")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        subprocess.run(["debugfs", "-R", f'rdump / "{out}"', str(self.file)], capture_output=True)
        shutil.rmtree(out / "lost+found", ignore_errors=True)
        return checked.returncode in (0, 1) and listing(out) == self.wanted


def listing(tree):
    """{path: what it is}"""
    found = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        what = str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        found[str(path.relative_to(tree))] = [what, 0 if path.is_symlink() else status.st_mode, status.st_uid, status.st_gid]
    return found
