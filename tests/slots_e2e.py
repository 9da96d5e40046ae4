#!/usr/bin/env python3
"""The real aloftd and slots of many types, on loop devices: file systems that are made and filled, images that grow, files in file systems.

Needs root and loop devices; ends with status 77 (skipped) without.
"""
import os
import pathlib
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lab"))
import scratch  # noqa: E402
import uml  # noqa: E402
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **options).stdout.strip()


class LoopDevice:
    def __init__(self, folder, name, size):
        self.file = folder / name
        with open(self.file, "wb") as file:
            file.truncate(size)
        self.path = run("losetup", "-f", "--show", self.file)

    def close(self):
        subprocess.run(["losetup", "-d", self.path], check=False)


class Mounted:
    """A look at what a slot holds; read-only unless writable."""

    def __init__(self, device, folder, writable=False):
        self.device, self.folder, self.writable = device, folder, writable

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        run("mount", "-o", "rw" if self.writable else "ro", self.device, self.folder)
        return self.folder

    def __exit__(self, *what):
        run("umount", self.folder)


def make_tree(folder, marker):
    """A small root file system with one of each."""
    for name in ("etc", "usr/bin", "dev", "var/empty"):
        (folder / name).mkdir(parents=True)
    (folder / "etc/release").write_text(marker)
    (folder / "usr/bin/tool").write_bytes(os.urandom(700_000))
    (folder / "usr/bin/tool").chmod(0o4755)
    os.link(folder / "usr/bin/tool", folder / "usr/bin/alias")
    (folder / "bin").symlink_to("usr/bin")
    os.chown(folder / "var/empty", 1234, 4321)
    (folder / "var/empty").chmod(0o1777)
    os.setxattr(folder / "etc/release", "user.origin", marker.encode())
    os.setxattr(folder / "usr/bin/tool", "security.capability", bytes.fromhex("0100000202040000000000000000000000000000"))
    with open(folder / "sparse", "wb") as file:
        file.seek(50 << 20)
        file.write(b"end")


def listing(folder):
    """Everything that must be the same in two trees."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name == "lost+found":
            continue
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else status.st_rdev
        xattrs = {} if path.is_symlink() else {key: os.getxattr(path, key) for key in os.listxattr(path)}
        links = 0 if path.is_dir() else status.st_nlink  # of a folder: as the file system counts
        found[name] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime), links, content, xattrs)
    return found


class SlotsTest(unittest.TestCase):
    def setUp(self):
        self.folder = scratch.folder("slots")
        self.vendor = Vendor(TOOLS)

    def loop(self, name, size=64 << 20):
        device = LoopDevice(self.folder, name, size)
        self.addCleanup(device.close)
        return device.path

    def start(self, slots):
        self.device = Device(TOOLS, self.vendor.trust, slots=slots)
        self.addCleanup(self.device.stop, kill=True)
        self.device.power_on()

    def archive(self, name, marker, *options):
        tree = self.folder / name
        tree.mkdir()
        make_tree(tree, marker)
        run("tar", "--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", *options, "-C", tree, "-cf", self.folder / f"{name}.tar", ".")
        return tree, self.folder / f"{name}.tar"

    def install(self, bundle):
        done = self.device.run("install", str(bundle))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def install_and_commit(self, bundle, version):
        self.install(bundle)
        self.device.wait_for_reboot()
        group = self.device.power_on(version)
        self.device.wait_for_state("committed")
        return group

    def refuse(self, bundle, error):
        before = self.device.status().get("update", {}).get("number", 0)
        self.install(bundle)
        update = wait_for("the update fails", lambda: (lambda u: u if u.get("number", 0) > before and u.get("state") == "failed" else None)(self.device.status().get("update", {})))
        self.assertEqual(update["error"]["name"], error, update)
        return update["message"]

    def pair(self, slot_class, options, size=64 << 20):
        a, b = self.loop(f"{slot_class}-a", size), self.loop(f"{slot_class}-b", size)
        return {"A": a, "B": b}, "".join(f'[group.{group}.{slot_class}]\ndevice = "{device}"\n{options}\n' for group, device in (("A", a), ("B", b)))

    def test_file_trees(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"\nmkfs_options = ["-L", "rootfs", "-m", "0"]')
        tree, archive = self.archive("v2", "two")
        _, other = self.archive("v3", "three")
        self.start(slots)
        self.assertEqual(self.install_and_commit(self.vendor.pack("2.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar"), "2.0"), "B")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertEqual(listing(root), listing(tree))
            self.assertLess((root / "sparse").stat().st_blocks * 512, 1 << 20)
        self.assertEqual(run("blkid", "-p", "-s", "LABEL", "-o", "value", devices["B"]), "rootfs")
        self.assertEqual(run("e2fsck", "-f", "-n", devices["B"]).count("ERROR"), 0)
        # The other way, over what is there.
        self.assertEqual(self.install_and_commit(self.vendor.pack("3.0", "--image", f"rootfs={other}", "--type", "rootfs=tar"), "3.0"), "A")

    def kernel_has(self, kind):
        subprocess.run(["modprobe", kind], capture_output=True)
        return kind in pathlib.Path("/proc/filesystems").read_text().split()

    def in_another_kernel(self):
        """This test again, in User-Mode Linux on the host's files, which has vfat."""
        if not os.path.exists(uml.KERNEL) or b"__asan" in pathlib.Path(TOOLS.aloftd).read_bytes():
            self.skipTest("the kernel has no vfat, and user-mode-linux is not installed or has too little memory for a sanitizer")
        init = self.folder / "init"
        modules = "\n".join(f"insmod {module}" for module in uml.modules(("loop", "nls_cp437", "nls_ascii", "nls_iso8859-1", "fat", "vfat")))
        init.write_text(f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin ALOFT_AGENT='{os.path.abspath(TOOLS.aloftd)}' ALOFT_CLI='{os.path.abspath(TOOLS.aloft)}'
mount -t proc proc /proc; mount -t sysfs sysfs /sys
for folder in /tmp /var/tmp /run; do mount -t tmpfs tmpfs $folder; done
{modules}
{sys.executable} {pathlib.Path(__file__).resolve()} {self.id().removeprefix("__main__.")} && echo && echo done
poweroff -f
""")
        init.chmod(0o755)
        uml.run("/", [], 120, init)

    def test_file_trees_on_btrfs(self):
        if not self.kernel_has("btrfs"):
            self.skipTest("the kernel has no btrfs")
        devices, slots = self.pair("rootfs", 'type = "btrfs"\nmkfs_options = ["-L", "rootfs"]', size=160 << 20)
        tree, archive = self.archive("v2", "two")
        _, other = self.archive("v3", "three")
        self.start(slots)
        self.assertEqual(self.install_and_commit(self.vendor.pack("2.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar"), "2.0"), "B")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertEqual(listing(root), listing(tree))
            self.assertLess((root / "sparse").stat().st_blocks * 512, 1 << 20)
        self.assertEqual(run("blkid", "-p", "-s", "LABEL", "-o", "value", devices["B"]), "rootfs")
        run("btrfs", "check", "--readonly", devices["B"])
        self.assertEqual(self.install_and_commit(self.vendor.pack("3.0", "--image", f"rootfs={other}", "--type", "rootfs=tar"), "3.0"), "A")
        # What does not fit ends the update, and leaves the next one possible.
        big = self.folder / "big"
        big.mkdir()
        (big / "data").write_bytes(os.urandom(155 << 20))
        run("tar", "-C", big, "-cf", self.folder / "big.tar", ".")
        self.refuse(self.vendor.pack("4.0", "--image", f"rootfs={self.folder}/big.tar", "--type", "rootfs=tar"), "slot-full")
        self.assertEqual(self.install_and_commit(self.vendor.pack("5.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar"), "5.0"), "B")

    def test_file_trees_on_vfat(self):
        if not self.kernel_has("vfat"):
            return self.in_another_kernel()
        devices, slots = self.pair("boot", 'type = "vfat"\nmkfs_options = ["-n", "BOOT"]', size=16 << 20)
        tree = self.folder / "v2"
        (tree / "EFI/BOOT").mkdir(parents=True)
        (tree / "EFI/BOOT/BOOTX64.EFI").write_bytes(os.urandom(700_000))
        (tree / "EFI/a long name, in lower case.and.dots").write_text("two")
        (tree / "empty").mkdir()
        (tree / "config.txt").write_text("")
        run("tar", "--format=pax", "-C", tree, "-cf", self.folder / "v2.tar", ".")
        content = {str(path.relative_to(tree)): path.read_bytes() if path.is_file() else None for path in tree.rglob("*")}
        (tree / "link").symlink_to("config.txt")
        run("tar", "--format=pax", "-C", tree, "-cf", self.folder / "link.tar", ".")
        self.start(slots)
        good = self.vendor.pack("2.0", "--image", f"boot={self.folder}/v2.tar", "--type", "boot=tar")
        self.refuse(self.vendor.pack("1.1", "--image", f"boot={self.folder}/link.tar", "--type", "boot=tar"), "tree-entry")
        self.assertEqual(self.install_and_commit(good, "2.0"), "B")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertEqual({str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}, content)
        self.assertEqual(run("blkid", "-p", "-s", "LABEL", "-o", "value", devices["B"]), "BOOT")
        run("fsck.vfat", "-n", devices["B"])

    def test_archives_that_are_refused_leave_the_next_update_possible(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"')
        tree, archive = self.archive("v2", "two")
        evil = self.folder / "evil.tar"
        run("tar", "-C", tree, "-cf", evil, "--transform", "s,etc/release,../../release,", "-P", "etc/release")
        node = self.folder / "node.tar"
        os.mknod(tree / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        run("tar", "-C", tree, "-cf", node, ".")
        self.start(slots)
        self.assertIn("points out of its folder", self.refuse(self.vendor.pack("e1", "--image", f"rootfs={evil}", "--type", "rootfs=tar"), "tree-entry"))
        self.assertIn("device node", self.refuse(self.vendor.pack("e2", "--image", f"rootfs={node}", "--type", "rootfs=tar"), "tree-entry"))
        self.refuse(self.vendor.pack("e3", "--image", f"rootfs={TOOLS.aloft}", "--type", "rootfs=tar"), "bad-archive")
        # With a mount in the way nothing is touched.
        run("mkfs.ext4", "-q", "-F", devices["B"])
        good = self.vendor.pack("2.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar")
        with Mounted(devices["B"], self.folder / "mnt"):
            self.refuse(good, "device-busy")
        self.install_and_commit(good, "2.0")

    def test_too_much_for_the_slot(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"', size=16 << 20)
        big = self.folder / "big"
        big.mkdir()
        (big / "data").write_bytes(os.urandom(15 << 20))
        run("tar", "-C", big, "-cf", self.folder / "big.tar", ".")
        self.start(slots)
        self.refuse(self.vendor.pack("2.0", "--image", f"rootfs={self.folder}/big.tar", "--type", "rootfs=tar"), "slot-full")

    def test_killed_while_unpacking_starts_again(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"')
        tree, archive = self.archive("v2", "two")
        (tree / "more").write_bytes(os.urandom(30 << 20))
        run("tar", "--xattrs", "--xattrs-include=*", "--sparse", "-C", tree, "-cf", archive, ".")
        bundle = self.vendor.pack("2.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar")
        self.start(slots)
        self.install(bundle)
        wait_for("unpacking has begun", lambda: self.device.status().get("update", {}).get("progress_permille", 0) > 0 or (self.device.folder / "rebooted").exists())
        self.device.stop(kill=True)
        self.device.power_on()
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertEqual((root / "more").read_bytes(), (tree / "more").read_bytes())

    def test_an_image_grows_to_its_slot(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"\nresize = true', size=96 << 20)
        image = self.folder / "small.ext4"
        with open(image, "wb") as file:
            file.truncate(24 << 20)
        tree, _ = self.archive("v2", "two")
        run("mkfs.ext4", "-q", "-F", "-d", tree, image)
        self.start(slots)
        bundle = self.vendor.pack("2.0", "--image", f"rootfs={image}")
        self.install_and_commit(bundle, "2.0")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertGreater(os.statvfs(root).f_blocks * os.statvfs(root).f_frsize, 80 << 20)
            self.assertEqual((root / "etc/release").read_text(), "two")
        self.assertIn("clean", run("tune2fs", "-l", devices["B"]))

    def test_one_file_in_a_file_system(self):
        shared = self.loop("data")
        run("mkfs.ext4", "-q", "-F", shared)
        with Mounted(shared, self.folder / "mnt", writable=True) as root:
            (root / "apps").mkdir()
            (root / "apps/a.bin").write_text("one")
            (root / "other").write_text("stays")
        slots = "".join(f'[group.{group}.app]\ntype = "file"\ndevice = "{shared}"\nfilesystem = "ext4"\npath = "/apps/{group.lower()}.bin"\nmode = 0o755\n' for group in "AB")
        running = self.folder / "running.bin"
        running.write_text("old")
        slots += f'[shared.firmware]\ntype = "file"\npath = "{running}"\n'
        content = self.folder / "content"
        content.write_bytes(os.urandom(3 << 20))
        self.start(slots)
        bundle = self.vendor.pack("2.0", "--image", f"app={content}", "--type", "app=file", "--image", f"firmware={TOOLS.aloft}", "--type", "firmware=file")
        self.install_and_commit(bundle, "2.0")
        with Mounted(shared, self.folder / "mnt") as root:
            self.assertEqual((root / "apps/b.bin").read_bytes(), content.read_bytes())
            self.assertEqual((root / "apps/b.bin").stat().st_mode & 0o7777, 0o755)
            self.assertEqual((root / "apps/a.bin").read_text(), "one")
            self.assertEqual((root / "other").read_text(), "stays")
        self.assertEqual(running.read_bytes(), pathlib.Path(TOOLS.aloft).read_bytes())
        self.assertEqual(self.refuse(self.vendor.pack("3.0", "--image", f"app={content}"), "slot-type"), "image app is of type raw, but the slot app of type file takes file")

    def disk(self, *partitions, size=64 << 20, label="gpt"):
        """A loop device with partitions, and its path."""
        image = self.folder / f"disk-{len(list(self.folder.iterdir()))}"
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run(["sfdisk", "-q", image], input=f"label: {label}\n" + "\n".join(partitions) + "\n", check=True, text=True, capture_output=True)
        path = run("losetup", "-P", "-f", "--show", image)
        self.addCleanup(subprocess.run, ["losetup", "-d", path], check=False)
        return path

    def loader(self, name):
        path = self.folder / name
        path.write_bytes(b"LOADER" + os.urandom(1 << 20))
        return path

    def test_partitions_by_name_and_made_by_the_agent(self):
        disk = self.disk("start=2048, size=16384, name=rootfs-a")
        wanted = "".join(f'[[partition]]\ndisk = "{disk}"\nname = "{name}"\nsize_mib = 8\n{more}' for name, more in (("rootfs-b", ""), ("data", "grow = true\n")))
        self.device = Device(TOOLS, self.vendor.trust, slots="".join(f'[group.{group}.rootfs]\ndevice = "partlabel:rootfs-{group.lower()}"\n' for group in "AB") + wanted)
        self.addCleanup(self.device.stop, kill=True)
        dry = self.device.run("partition", "--dry-run")
        self.assertIn("partition 'rootfs-b' is made, number 2, 8 MiB", dry.stdout, dry.stderr)
        self.assertNotIn("rootfs-b", run("sfdisk", "-d", disk))
        done = self.device.run("partition")
        self.assertEqual((done.returncode, done.stdout), (0, dry.stdout), done.stderr)
        self.assertEqual(self.device.run("partition").stdout, "nothing to do\n")
        table = run("sfdisk", "-J", disk)
        self.assertIn('"name": "data"', table)
        self.assertIn("No problems found", run("sgdisk", "-v", disk))
        self.assertEqual(int(run("blockdev", "--getsize64", f"{disk}p2")), 8 << 20)
        self.assertGreater(int(run("blockdev", "--getsize64", f"{disk}p3")), 40 << 20)
        self.device.power_on()
        bundle, image = self.vendor.bundle("2.0")
        self.install_and_commit(bundle, "2.0")
        with open(f"{disk}p2", "rb") as slot:
            self.assertEqual(slot.read(len(image)), image)

    def switching(self, label, options, started):
        """A new loader waits until the new system is committed, and is then the one that is started."""
        _, slots = self.pair("rootfs", "", size=4 << 20)
        old, new = self.loader("old"), self.loader("new")
        self.start(slots + f'[shared.loader]\n{options}\n')
        _, image = self.vendor.bundle("x")
        rootfs = self.folder / "rootfs"
        rootfs.write_bytes(image)
        bundle = self.vendor.pack("2.0", "--image", f"loader={new}", "--image", f"rootfs={rootfs}")
        before = started()
        self.install(bundle)
        self.device.wait_for_reboot()
        self.assertEqual(started(), before, "still on trial")
        self.device.power_on("2.0")
        self.device.wait_for_state("committed")
        wait_for("the loader is switched", lambda: started() == new.read_bytes())
        wait_for("nothing waits any more", lambda: (self.device.folder / "state" / "switches").read_text() == "{}")

    def test_boot_partitions(self):
        for label, flag in (("gpt", ', attrs="LegacyBIOSBootable"'), ("dos", ", bootable")):
            with self.subTest(label):
                disk = self.disk(f"start=2048, size=4096{flag}", "start=6144, size=4096", label=label)
                size = (1 << 20) + 6

                def started(disk=disk):
                    word = "LegacyBIOSBootable" if "gpt" in run("sfdisk", "-d", disk) else "bootable"
                    lines = [line for line in run("sfdisk", "-d", disk).splitlines() if line.startswith(disk)]
                    line = next(line for line in lines if word in line)
                    with open(disk, "rb") as whole:
                        whole.seek(512 * int(line.split("start=")[1].split(",")[0]))
                        return whole.read(size)

                self.switching(label, f'type = "boot-partition"\ndevice = "{disk}"\npartitions = [1, 2]', started)
                self.device.stop()
                self.setUp()

    def test_two_copies(self):
        path = self.loop("rom", 8 << 20)

        def started():
            with open(path, "rb") as rom:
                rom.seek(32768)
                return rom.read((1 << 20) + 6)

        self.switching("copies", f'type = "raw-pair"\ndevice = "{path}"\noffsets = [32768, 4194304]\nsize = 2097152', started)

    HANDLER = """#!/bin/sh
echo "$1 $ALOFT_SLOT_CLASS $ALOFT_IMAGE_TYPE $ALOFT_IMAGE_SIZE" >> {folder}/calls
case $1 in
install)
    cat > {folder}/got
    [ "$(stat -c %s {folder}/got)" = "$ALOFT_IMAGE_SIZE" ] || exit 1
    [ "$(sha256sum < {folder}/got | cut -d' ' -f1)" = "$ALOFT_IMAGE_SHA256" ] || exit 1
    echo progress 500
    if [ -e {folder}/refuse ]; then echo "error the modem does not answer"; exit 3; fi ;;
esac
"""

    def test_handler_of_the_integrator(self):
        program = self.folder / "handler"
        program.write_text(self.HANDLER.format(folder=self.folder))
        program.chmod(0o755)
        _, slots = self.pair("rootfs", "", size=4 << 20)
        self.start(slots + f'[shared.modem]\ntype = "handler"\nprogram = "{program}"\ntimeout_s = 60\ndevice = "/dev/null"\n')
        firmware = self.loader("firmware")
        rootfs = self.folder / "rootfs"
        rootfs.write_bytes(self.vendor.bundle("x")[1])
        images = ["--image", f"modem={firmware}", "--type", "modem=payload", "--image", f"rootfs={rootfs}"]
        self.install_and_commit(self.vendor.pack("2.0", *images), "2.0")
        self.assertEqual((self.folder / "got").read_bytes(), firmware.read_bytes())
        wait_for("the handler is told of the commit", lambda: "commit" in (self.folder / "calls").read_text())
        (self.folder / "refuse").touch()
        self.assertIn("the modem does not answer", self.refuse(self.vendor.pack("3.0", *images), "handler-failed"))
        (self.folder / "refuse").unlink()
        # A system that is given up takes its payload back.
        check = self.device.health / "10-bad"
        check.write_text("#!/bin/sh\nexit 1\n")
        check.chmod(0o755)
        self.install(self.vendor.pack("4.0", *images))
        self.device.wait_for_reboot()
        self.device.power_on("4.0")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("rolled-back")
        self.assertEqual([line.split()[0] for line in (self.folder / "calls").read_text().split("\n") if line], ["install", "commit", "install", "install", "rollback"])

    def payload(self, name, **members):
        folder = self.folder / name
        folder.mkdir()
        for member, content in members.items():
            (folder / member).write_bytes(content.encode() if isinstance(content, str) else content)
        run("tar", "-C", folder, "-cf", self.folder / f"{name}.tar", *members)
        return self.folder / f"{name}.tar"

    def module_device(self, module):
        _, slots = self.pair("rootfs", "", size=4 << 20)
        self.start(slots + f'[shared.app]\ntype = "mender-module"\nprogram = "{module}"\ntimeout_s = 60\n')
        (self.folder / "rootfs").write_bytes(self.vendor.bundle("x")[1])

    def module_bundle(self, version, payload):
        return self.vendor.pack(version, "--image", f"rootfs={self.folder / 'rootfs'}", "--image", f"app={payload}", "--type", "app=tar")

    def test_single_file_module_of_mender(self):
        module = pathlib.Path("/usr/share/mender/modules/v3/single-file")
        if not module.exists():
            self.skipTest("the package mender-client is not installed")
        self.module_device(module)
        target = self.folder / "opt"
        first = os.urandom(700_000)
        self.install_and_commit(self.module_bundle("2.0", self.payload("one", dest_dir=str(target), filename="app.bin", permissions="750", **{"app.bin": first})), "2.0")
        self.assertEqual((target / "app.bin").read_bytes(), first)
        self.assertEqual((target / "app.bin").stat().st_mode & 0o777, 0o750)
        wait_for("the module's tree is gone", lambda: not (self.device.folder / "state/modules/app").exists())
        # Given up: the module's own rollback brings the first file back.
        check = self.device.health / "10-bad"
        check.write_text("#!/bin/sh\nexit 1\n")
        check.chmod(0o755)
        self.install(self.module_bundle("3.0", self.payload("two", dest_dir=str(target), filename="app.bin", permissions="700", **{"app.bin": b"second"})))
        self.device.wait_for_reboot()
        self.assertEqual((target / "app.bin").read_bytes(), b"second")
        self.device.power_on("3.0")
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.device.wait_for_state("rolled-back")
        self.assertEqual((target / "app.bin").read_bytes(), first)

    MODULE = """#!/bin/sh
echo "$1" >> {folder}/states
cd "$2"
case $1 in
Download)
    while name=$(cat stream-next); [ -n "$name" ]; do cat "$name" > {folder}/$(basename "$name"); done ;;
NeedsArtifactReboot) echo Yes ;;
SupportsRollback) echo Yes ;;
ArtifactInstall) [ "$(cat version)" = 3 ] && [ "$(cat header/payload_type)" = streaming ] || exit 1 ;;
ArtifactCommit) [ ! -e {folder}/refuse ] ;;
esac
"""

    def test_a_module_that_streams_goes_through_all_states(self):
        module = self.folder / "streaming"
        module.write_text(self.MODULE.format(folder=self.folder))
        module.chmod(0o755)
        self.module_device(module)
        content = os.urandom(2_000_000)
        self.install_and_commit(self.module_bundle("2.0", self.payload("files", **{"a.bin": content, "b.txt": "b"})), "2.0")
        wait_for("cleaned up", lambda: (self.folder / "states").read_text().endswith("Cleanup\n"))
        self.assertEqual((self.folder / "a.bin").read_bytes(), content)
        self.assertEqual((self.folder / "b.txt").read_text(), "b")
        good = ["Download", "ArtifactInstall", "NeedsArtifactReboot", "ArtifactReboot", "ArtifactVerifyReboot", "ArtifactCommit", "Cleanup"]
        self.assertEqual((self.folder / "states").read_text().split(), good)
        (self.folder / "states").unlink()
        (self.folder / "refuse").touch()
        self.install_and_commit(self.module_bundle("3.0", self.folder / "files.tar"), "3.0")
        wait_for("cleaned up", lambda: (self.folder / "states").read_text().endswith("Cleanup\n"))
        bad = ["SupportsRollback", "ArtifactRollback", "ArtifactRollbackReboot", "ArtifactVerifyRollbackReboot", "ArtifactFailure", "Cleanup"]
        self.assertEqual((self.folder / "states").read_text().split(), good[:-1] + bad)

    def test_verity_is_checked_and_not_grown(self):
        devices, slots = self.pair("rootfs", 'type = "ext4"\nresize = true', size=32 << 20)
        image = self.folder / "small.ext4"
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        run("mkfs.ext4", "-q", "-F", image)
        self.start(slots)
        self.install_and_commit(self.vendor.pack("2.0", "--image", f"rootfs={image}", "--verity", "rootfs"), "2.0")
        says = dict(line.split("=") for line in run(TOOLS.aloft, "bundle", "verity", image).split())
        run("veritysetup", "verify", devices["B"], devices["B"], says["ALOFT_VERITY_ROOT"], f"--hash-offset={says['ALOFT_VERITY_OFFSET']}")


if __name__ == "__main__":
    if os.geteuid() != 0 or subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        print("skipped: needs root and loop devices")
        sys.exit(77)
    unittest.main()
