#!/usr/bin/env python3
"""The real aloftd and slots of many types, on loop devices: file systems that are made and filled, images that grow, files in file systems,
partitions and what is switched between two of them.

Needs root and loop devices; ends with status 77 (skipped) without.
"""
import os
import pathlib
import stat
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "lab"))
import uml  # noqa: E402
from agent_device import Device, wait_for  # noqa: E402
from slots import TOOLS, Mounted, SlotsCase, main, run  # noqa: E402


def make_tree(folder, marker):
    """A small root file system with one of each."""
    for name in ("etc", "usr/bin", "dev", "var/empty"):
        (folder / name).mkdir(parents=True)
    (folder / "etc/release").write_text(marker)
    (folder / "etc/F\u0151tan\u00fas\u00edtv\u00e1ny.crt").write_text("as in Debian's ca-certificates")
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

class SlotsTest(SlotsCase):
    def archive(self, name, marker, *options):
        tree = self.folder / name
        tree.mkdir()
        make_tree(tree, marker)
        run("tar", "--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", *options, "-C", tree, "-cf", self.folder / f"{name}.tar", ".")
        return tree, self.folder / f"{name}.tar"

    def trees_there_and_back(self, options, size, check):
        """A tree to B, compared, then another to A, over what is there. The first one's archive."""
        devices, slots = self.pair("rootfs", options, size)
        tree, archive = self.archive("v2", "two")
        _, other = self.archive("v3", "three")
        self.start(slots)
        self.assertEqual(self.install_and_commit(self.vendor.pack("2.0", "--image", f"rootfs={archive}", "--type", "rootfs=tar"), "2.0"), "B")
        with Mounted(devices["B"], self.folder / "mnt") as root:
            self.assertEqual(listing(root), listing(tree))
            self.assertLess((root / "sparse").stat().st_blocks * 512, 1 << 20)
        self.assertEqual(run("blkid", "-p", "-s", "LABEL", "-o", "value", devices["B"]), "rootfs")
        check(devices["B"])
        self.assertEqual(self.install_and_commit(self.vendor.pack("3.0", "--image", f"rootfs={other}", "--type", "rootfs=tar"), "3.0"), "A")
        return archive

    def test_file_trees(self):
        self.trees_there_and_back('type = "ext4"\nmkfs_options = ["-L", "rootfs", "-m", "0"]', 64 << 20,
                                  lambda device: self.assertEqual(run("e2fsck", "-f", "-n", device).count("ERROR"), 0))

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
        archive = self.trees_there_and_back('type = "btrfs"\nmkfs_options = ["-L", "rootfs"]', 160 << 20,
                                            lambda device: run("btrfs", "check", "--readonly", device))
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
        new = self.loader("new")
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
    main()
