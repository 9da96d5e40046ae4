#!/usr/bin/env python3
"""The real aloftd updates a slot that is a tree of files by a delta from the tree that runs: what it fetches, with files changed by hand, links that lead out, mounted or not, and killed in the middle.

Needs root and loop devices; ends with status 77 (skipped) without.
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import server_harness  # noqa: E402
from agent_device import Device, wait_for  # noqa: E402
from ranges_server import Server  # noqa: E402
from slots import TOOLS, Mounted, SlotsCase, main, run  # noqa: E402

FILES = 60
FILE_BYTES = 100_000


def make_trees(folder):
    """Two of them: files that stay, one that moves, some that change in a few places, one that is new, sparse and empty ones."""
    source = random.Random(6)
    old, new = folder / "tree-1.0", folder / "tree-2.0"
    (old / "usr/lib").mkdir(parents=True)
    (old / "etc").mkdir()
    for i in range(FILES):
        (old / f"usr/lib/file{i:02}").write_bytes(source.randbytes(FILE_BYTES + i))
    (old / "etc/release").write_text("one")
    (old / "etc/empty").write_bytes(b"")
    (old / "usr/lib" / ("long-" + "x" * 120)).write_bytes(source.randbytes(5000))
    (old / "lib").symlink_to("usr/lib")
    os.link(old / "usr/lib/file00", old / "usr/lib/alias")
    with open(old / "usr/lib/sparse", "wb") as file:
        file.write(source.randbytes(70_000))
        file.seek(3 << 20)
        file.write(source.randbytes(70_000))
    shutil.copytree(old, new, symlinks=True)
    (new / "etc/release").write_text("two")
    (new / "opt").mkdir()
    (new / "usr/lib/file03").rename(new / "opt/moved")
    for i in range(10, 15):
        path = new / f"usr/lib/file{i}"
        content = bytearray(path.read_bytes())
        for at in range(0, len(content), 9000):
            content[at] ^= 0x55
        path.write_bytes(bytes(content))
    (new / "opt/new").write_bytes(source.randbytes(3000))
    return old, new


class TreeDeltaTest(SlotsCase):
    def setUp(self):
        super().setUp()
        self.trees = make_trees(self.folder)
        self.bundles = [self.pack(tree, version) for tree, version in zip(self.trees, ("1.0", "2.0"))]
        delta = self.folder / "delta"
        made = run(TOOLS.aloft, "delta", "create", *self.bundles, "-o", delta)
        self.assertIn("from the files of a tree", made)
        self.delta, self.full = delta.read_bytes(), self.bundles[1].read_bytes()

    def pack(self, tree, version):
        archive = self.folder / f"{version}.tar"
        run("tar", "--format=pax", "--sparse", "--sort=name", "--mtime=@1700000000", "-C", tree, "-cf", archive, ".")
        return self.vendor.pack(version, "--image", f"rootfs={archive}", "--type", "rootfs=tar")

    def running(self, options='type = "ext4"'):
        """A device that runs the first tree, from slot A; its devices."""
        devices, slots = self.pair("rootfs", options)
        self.start(slots)
        self.assertEqual(self.install_and_commit(self.bundles[0], "1.0"), "B")
        self.assertEqual(self.install_and_commit(self.bundles[0], "1.0"), "A")
        return devices

    def update(self, delta=None, rate=None, in_the_middle=lambda server: None):
        """Bytes that came of the delta and of the full bundle."""
        with Server(delta or self.delta, bytes_per_s=rate) as of_delta, Server(self.full) as of_full:
            self.install(f"{of_full.url}#delta={of_delta.url}")
            in_the_middle(of_delta)
            self.device.wait_for_reboot(120)
            return tuple(sum(size for _, size in server.arrived()) for server in (of_delta, of_full))

    def has_new_tree(self, device):
        with Mounted(device, self.folder / "mnt") as root:
            differences = subprocess.run(["diff", "-r", "--no-dereference", "-x", "lost+found", root, self.trees[1]], capture_output=True, text=True).stdout
        self.assertEqual(differences, "")

    def boots_and_commits(self):
        self.assertEqual(self.device.power_on("2.0"), "B")
        self.device.wait_for_state("committed")

    def made(self):
        """Frames fetched and made in the last install of an image."""
        return tuple(int(number) for number in re.findall(r"(\d+) fetched \(\d+ bytes\), (\d+) made by a delta", self.device.log_text())[-1])

    def test_the_running_tree_and_a_delta_are_enough(self):
        devices = self.running()
        before = run("sha256sum", devices["A"])
        by_delta, by_full = self.update()
        self.assertEqual(by_full, 0)
        self.assertLessEqual(by_delta, len(self.delta) + 100)
        self.assertLess(len(self.delta), len(self.full) // 20)
        self.assertEqual(run("sha256sum", devices["A"]), before, "the running slot is never written")
        self.has_new_tree(devices["B"])
        self.boots_and_commits()
        print(f"{len(self.delta)} bytes of delta for a bundle of {len(self.full)}", file=sys.stderr)

    def test_also_while_it_is_mounted(self):
        """Read-only or for writing, and with something else mounted over a folder of it."""
        for writable in (False, True):
            with self.subTest(writable=writable):
                devices = self.running()
                with Mounted(devices["A"], self.folder / "root", writable) as root:
                    run("mount", "-t", "tmpfs", "none", root / "usr")
                    self.addCleanup(subprocess.run, ["umount", root / "usr"], capture_output=True)
                    _, by_full = self.update()
                    run("umount", root / "usr")
                self.assertEqual(by_full, 0)
                self.has_new_tree(devices["B"])
                self.device.stop()

    def test_vfat(self):
        """Folders and files only."""
        for tree in self.trees:
            (tree / "lib").unlink()
            (tree / "usr/lib/alias").unlink()
            (tree / "usr/lib/sparse").unlink()
        self.bundles = [self.pack(tree, version) for tree, version in zip(self.trees, ("1.0", "2.0"))]
        run(TOOLS.aloft, "delta", "create", *self.bundles, "-o", self.folder / "delta")
        self.delta, self.full = (self.folder / "delta").read_bytes(), self.bundles[1].read_bytes()
        subprocess.run(["modprobe", "vfat"], capture_output=True)
        if "vfat" not in pathlib.Path("/proc/filesystems").read_text():
            self.skipTest("the kernel has no vfat")
        devices = self.running('type = "vfat"')
        self.assertEqual(self.update()[1], 0)
        self.has_new_tree(devices["B"])

    def test_what_was_changed_by_hand_costs_only_its_frames(self):
        devices = self.running()
        with Mounted(devices["A"], self.folder / "root", writable=True) as root:
            with open(root / "usr/lib/file20", "r+b") as file:
                file.write(b"changed")
            (root / "usr/lib/file30").unlink()
            (root / "usr/lib/file40").unlink()
            os.mkfifo(root / "usr/lib/file40")
            os.truncate(root / "usr/lib/file50", 100)
            (root / "usr/lib/own").write_bytes(b"of the user")
        _, by_full = self.update()
        fetched, made = self.made()
        self.assertTrue(3 < fetched < 16, fetched)
        self.assertGreater(made, fetched * 5)
        self.assertLess(by_full, len(self.full) // 4)
        self.has_new_tree(devices["B"])
        self.boots_and_commits()

    def test_links_do_not_lead_out_of_the_tree(self):
        """In place of a file, of the root's folder, and of one beneath: what they lead to has the wanted content, and is not read."""
        devices = self.running()
        elsewhere = self.folder / "elsewhere"
        shutil.copytree(self.trees[0], elsewhere, symlinks=True)
        with Mounted(devices["A"], self.folder / "root", writable=True) as root:
            shutil.move(root / "usr/lib", root / "usr/lib2")
            (root / "usr/lib").symlink_to(elsewhere / "usr/lib")
        seen = {path: path.stat().st_atime_ns for path in (elsewhere / "usr/lib").iterdir()}
        _, by_full = self.update()
        self.assertGreater(by_full, len(self.full) * 3 // 4)
        self.assertEqual({path: path.stat().st_atime_ns for path in (elsewhere / "usr/lib").iterdir()}, seen)
        self.assertIn("usr/lib/file", self.device.log_text())
        self.has_new_tree(devices["B"])

    def test_killed_in_the_middle_it_begins_anew_and_comes_to_its_end(self):
        devices = self.running()

        def kill(server):
            wait_for("a part of the delta has come", lambda: sum(size for _, size in server.arrived()) > len(self.delta) // 2, 60)
            self.device.stop(kill=True)
            self.device.power_on()

        _, by_full = self.update(rate=40_000, in_the_middle=kill)
        self.assertEqual(by_full, 0)
        self.has_new_tree(devices["B"])
        self.boots_and_commits()

    def test_the_server_makes_it_by_itself(self):
        server = server_harness.Server().start().set_up()
        self.addCleanup(server.destroy)
        devices, slots = self.pair("rootfs", 'type = "ext4"')
        token = server.operator("POST", "/api/v1/enrolment-tokens", {"note": "test"})["token"]
        self.device = Device(TOOLS, self.vendor.trust, slots=slots, server={"url": f"https://127.0.0.1:{server.port}", "name": "cam-01", "token": token})
        self.addCleanup(self.device.stop, kill=True)
        self.device.power_on()
        self.assertEqual(self.install_and_commit(self.bundles[0], "1.0"), "B")
        release = [server.operator("POST", "/api/v1/releases", bundle.read_bytes(), timeout=120)["id"] for bundle in self.bundles][1]
        wait_for("the server has made it", lambda: any("size_bytes" in made for made in server.operator("GET", f"/api/v1/releases/{release}/deltas")["deltas"]), 120)
        number = server.operator("POST", "/api/v1/deployments", {"release": release, "devices": ["cam-01"]})["deployments"][0]["id"]
        self.device.wait_for_reboot(120)
        self.has_new_tree(devices["A"])
        self.assertEqual(self.device.power_on("2.0"), "A")
        ended = wait_for("committed", lambda: (lambda d: d if d["state"] == "committed" else None)(server.operator("GET", f"/api/v1/deployments/{number}")), 60)
        self.assertEqual(ended["download"]["method"], "delta")
        self.assertLess(ended["download"]["fetched_bytes"], len(self.full) // 20)

    def test_the_command_line_does_the_same_with_bundles(self):
        delta, out = self.folder / "delta", self.folder / "out"
        run(TOOLS.aloft, "delta", "apply", self.bundles[0], delta, "-o", out)
        self.assertEqual(out.read_bytes(), self.full)
        shown = json.loads(run(TOOLS.aloft, "delta", "info", delta, "--json"))
        self.assertEqual(shown["format"], 5)
        self.assertGreater(shown["images"][0]["old_files"], FILES)
        self.assertIn("files of a tree", run(TOOLS.aloft, "delta", "info", delta))


if __name__ == "__main__":
    main()
