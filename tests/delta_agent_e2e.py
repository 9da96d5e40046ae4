#!/usr/bin/env python3
"""The real aloftd updates by a delta: what it fetches, killed in the middle, with damaged deltas, with the program that makes frames taken over, on a slot that is not the delta's, within a budget."""
import lzma
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import scratch  # noqa: E402
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402
from ranges_server import Server  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(BUILD / "src/agent/aloftd", BUILD / "src/cli/aloft")
SIZE = 12 << 20
CHANGED = 100  # places where the new image has something of its own


class DeltaAgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        source = random.Random(3)
        cls.old = source.randbytes(SIZE)
        new = bytearray(cls.old[SIZE // 3:] + cls.old[: SIZE // 3])  # everything has moved
        for at in range(0, SIZE - 4000, SIZE // CHANGED):
            new[at:at + 2000] = source.randbytes(2000)
        cls.new = bytes(new)
        bundles = {}
        for version, content in {"1.0": cls.old, "2.0": cls.new}.items():
            image = cls.vendor.folder / f"image-{version}"
            image.write_bytes(content)
            bundles[version] = cls.vendor.pack(version, "--image", f"rootfs={image}")
        cls.full = bundles["2.0"].read_bytes()
        delta = cls.vendor.folder / "1.0-2.0.delta"
        subprocess.run([TOOLS.aloft, "delta", "create", bundles["1.0"], bundles["2.0"], "-o", delta], check=True, capture_output=True)
        cls.delta = delta.read_bytes()
        cls.paths = (bundles["2.0"], delta)

    def device(self, running=None):
        device = Device(TOOLS, self.vendor.trust, slot_bytes=SIZE)
        self.addCleanup(device.stop, kill=True)
        (device.folder / "slot-A").write_bytes(running or self.old)
        return device

    def install(self, device, delta, in_the_middle=lambda device, servers: None, rate=None, limit_s=120):
        """Bytes that came of (delta, full bundle), and the device with its new system installed."""
        with Server(delta, bytes_per_s=rate) as of_delta, Server(self.full, bytes_per_s=rate) as of_full:
            device.power_on()
            self.assertEqual(device.run("install", f"{of_full.url}#delta={of_delta.url}").returncode, 0)
            in_the_middle(device, (of_delta, of_full))
            device.wait_for_reboot(limit_s)
            self.assertEqual(device.slot("B"), self.new)
            return tuple(sum(size for _, size in server.arrived()) for server in (of_delta, of_full))

    def boots_and_commits(self, device):
        self.assertEqual(device.power_on("2.0"), "B")
        device.wait_for_state("committed")

    def test_nothing_of_the_full_bundle_is_fetched(self):
        device = self.device()
        by_delta, by_full = self.install(device, self.delta)
        self.assertLessEqual(by_delta, len(self.delta) + 100)
        self.assertEqual(by_full, 0)
        self.assertEqual(device.slot("A"), self.old, "the running slot is never written")
        self.boots_and_commits(device)
        print(f"{len(self.delta)} bytes of delta for a bundle of {len(self.full)}", file=sys.stderr)

    def test_local_files(self):
        device = self.device()
        device.power_on()
        full, delta = self.paths
        self.assertEqual(device.run("install", f"{full}#delta={delta}").returncode, 0)
        device.wait_for_reboot()
        self.assertEqual(device.slot("B"), self.new)
        self.assertIn("made by a delta", device.log_text())

    def test_killed_in_the_middle_it_goes_on_where_it_was(self):
        device = self.device()

        def kill_thrice(device, servers):
            for share in (4, 2, 1.3):
                goal = len(self.delta) / share
                wait_for("a part of the delta has come", lambda: max((f + s for f, s in servers[0].arrived()), default=0) >= goal, 60)
                device.stop(kill=True)
                device.power_on()

        by_delta, by_full = self.install(device, self.delta, kill_thrice, rate=300_000)
        self.assertEqual(by_full, 0)
        print(f"killed three times: {by_delta} bytes came of a delta of {len(self.delta)}", file=sys.stderr)
        in_place = int(re.findall(r"(\d+) in place", device.log_text())[-1])
        self.assertGreater(in_place, SIZE // (64 << 10) // 4, "after the last kill, which was late, much is on the slot already")
        self.boots_and_commits(device)

    def changed_text(self):
        """A text, and what became of it: it changed in a few places."""
        source = random.Random(8)
        words = [source.randbytes(source.randrange(2, 9)).hex() for _ in range(5000)]
        old_text = " ".join(source.choice(words) for _ in range(600_000)).encode()
        new_text = bytearray(old_text)
        for at in range(100_000, len(new_text), len(new_text) // 20):
            new_text[at:at + 200] = source.randbytes(100).hex().encode()
        return old_text, bytes(new_text)

    def install_between(self, old, new):
        """The delta's bytes; all of the update came by it."""
        old, self.new = (image.ljust(SIZE, b"\0") for image in (old, new))
        bundles = []
        for version, content in (("1.5", old), ("2.5", self.new)):
            image = self.vendor.folder / f"image-{version}"
            image.write_bytes(content)
            bundles.append(self.vendor.pack(version, "--image", f"rootfs={image}"))
        self.full = bundles[1].read_bytes()
        delta = self.vendor.folder / "1.5-2.5.delta"
        subprocess.run([TOOLS.aloft, "delta", "create", *bundles, "-o", delta], check=True, capture_output=True)
        by_delta, by_full = self.install(self.device(old), delta.read_bytes())
        self.assertEqual(by_full, 0)
        return by_delta

    def test_what_gzip_packed_is_made_again_by_the_confined_program(self):
        """As a file of gzip all of it differs behind the first change."""
        packed = [subprocess.run(["gzip", "-6", "-n"], input=text, stdout=subprocess.PIPE, check=True).stdout for text in self.changed_text()]
        before = random.Random(9).randbytes(1 << 20)
        by_delta = self.install_between(*(before + one for one in packed))
        self.assertLess(by_delta, len(packed[1]) // 10)
        print(f"{by_delta} bytes of delta for a file of gzip of {len(packed[1])}", file=sys.stderr)

    def test_what_erofs_packed_is_made_again_by_the_confined_program(self):
        tree = self.vendor.folder / "tree"
        (tree / "usr").mkdir(parents=True)
        images = []
        for text in self.changed_text():
            (tree / "usr" / "text").write_bytes(text)
            image = self.vendor.folder / "erofs"
            subprocess.run(["mkfs.erofs", "-zlz4hc", "-T0", "-U", "11111111-2222-3333-4444-555555555555", "--all-root", image, tree], check=True, capture_output=True)
            images.append(image.read_bytes())
        by_delta = self.install_between(*images)
        self.assertLess(by_delta, len(images[1]) // 10)
        print(f"{by_delta} bytes of delta for an erofs of {len(images[1])}", file=sys.stderr)

    def test_what_xz_and_zstd_packed_is_made_again_by_the_confined_program(self):
        """Files as a kernel's modules are: each packed alone, one changed in its middle, all in other places."""
        source = random.Random(11)
        lzma2 = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 20}]
        old, new, packed_bytes = bytearray(source.randbytes(1 << 20)), bytearray(source.randbytes(5000)), 0
        texts = self.changed_text()
        for at in range(0, 4 << 20, 400_000):
            for image, text in zip((old, new), texts):
                module = text[at:at + 400_000]
                files = (lzma.compress(module, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=lzma2),
                         subprocess.run(["zstd", "-3", "-q", f"--stream-size={len(module)}"], input=module, stdout=subprocess.PIPE, check=True).stdout)
                image += b"".join(file + bytes(-len(file) % 4096) for file in files)
            packed_bytes += sum(len(file) for file in files)
        by_delta = self.install_between(bytes(old), bytes(new))
        self.assertEqual(int.from_bytes((self.vendor.folder / "1.5-2.5.delta").read_bytes()[8:12], "little"), 8)
        self.assertLess(by_delta, packed_bytes // 10)
        print(f"{by_delta} bytes of delta for files of xz and zstd of {packed_bytes}", file=sys.stderr)

    def test_programs_of_32_bit_arm_come_by_the_confined_program(self):
        """A program that has grown at its beginning: its calls reach further."""
        source = random.Random(10)
        size, grown, every = 1 << 20, 4096, 16
        old = bytearray(source.randbytes(size))
        old[:20] = b"\x7fELF\1\1\1" + bytes(11) + (40).to_bytes(2, "little")
        for at in range(35, size, 4):
            old[at] = 0xE0
        new = bytearray(old)
        for at in range(32, size - every, every):
            target = source.randrange(100) * 8000
            for image, moved in ((old, 0), (new, grown)):
                distance = target + moved * (target < size // 2) - moved - at - 8
                image[at:at + 4] = (0xEB000000 | distance >> 2 & 0xFFFFFF).to_bytes(4, "little")
        by_delta = self.install_between(bytes(old), bytes(new[:32]) + source.randbytes(grown) + bytes(new[32:]))
        self.assertEqual(int.from_bytes((self.vendor.folder / "1.5-2.5.delta").read_bytes()[8:12], "little"), 7)
        self.assertLess(by_delta, size // every // 2 * 4, "calls cost less than their bytes")

    def test_a_delta_of_a_newer_version_costs_the_full_bundle(self):
        newer = bytearray(self.delta)
        newer[8:12] = (int.from_bytes(newer[8:12], "little") + 100).to_bytes(4, "little")
        device = self.device()
        _, by_full = self.install(device, bytes(newer))
        self.assertGreaterEqual(by_full, len(self.full) * 9 // 10)
        self.assertIn("E11001", device.log_text())
        self.assertIn("the full bundle is taken instead", device.log_text())
        self.boots_and_commits(device)

    def test_damaged_frames_come_from_the_full_bundle(self):
        damaged = bytearray(self.delta)
        for at in range(len(damaged) * 2 // 3, len(damaged), 60_000):
            damaged[at] ^= 0xFF
        device = self.device()
        by_delta, by_full = self.install(device, bytes(damaged))
        self.assertGreater(by_full, 0)
        self.assertLess(by_full, len(self.full) // 2)
        self.assertIn("a frame is taken from the full bundle instead", device.log_text())
        self.boots_and_commits(device)

    def test_a_delta_that_cannot_be_read_is_as_good_as_none(self):
        for bad in (b"", self.delta[:100], b"x" * 1000, self.delta[:40] + b"\0" * 24 + self.delta[64:]):
            device = self.device()
            _, by_full = self.install(device, bad)
            self.assertGreaterEqual(by_full, len(self.full) * 9 // 10)
            self.assertIn("the full bundle is taken instead", device.log_text())

    def test_another_running_system(self):
        device = self.device(running=random.Random(4).randbytes(SIZE))
        by_delta, by_full = self.install(device, self.delta)
        self.assertIn("it does not serve here", device.log_text())
        self.assertGreaterEqual(by_full, len(self.full) * 9 // 10)
        self.assertEqual(device.slot("B"), self.new)

    def test_a_slot_that_was_written_to_costs_only_those_frames(self):
        running = bytearray(self.old)
        for at in range(0, SIZE - 100, SIZE // 5):
            running[at + 50] ^= 1
        device = self.device(running=bytes(running))
        _, by_full = self.install(device, self.delta)
        self.assertGreater(by_full, 0)
        self.assertLess(by_full, len(self.full) // 4)

    def with_budget(self, device, kib):
        config = device.folder / "system.toml"
        config.write_text(config.read_text().replace("[download]", f"[download]\ndelta_fallback_kib = {kib}"))
        return device

    def test_the_budget_for_falling_back_is_kept(self):
        for delta in (self.delta, b"no delta"):
            device = self.with_budget(self.device(running=random.Random(4).randbytes(SIZE)), 1024)
            with Server(delta) as of_delta, Server(self.full) as of_full:
                device.power_on()
                device.run("install", f"{of_full.url}#delta={of_delta.url}")
                self.assertEqual(device.wait_for_state("failed")["update"]["error"]["number"], 8061)
                # Past the budget there may still be what the socket had taken by then.
                self.assertLessEqual(sum(size for _, size in of_full.arrived()), (1024 + 512) << 10)
        self.install(self.with_budget(self.device(), 1), self.delta)

    def workers(self, device):
        """Process ids of the programs that the agent has frames made in."""
        def of(pid):
            try:
                return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1], pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                return None, b""
        pids = [path.name for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]
        return [int(pid) for pid in pids if of(pid)[0] == str(device.process.pid) and b"confined-rebuild" in of(pid)[1]]

    def test_frames_are_made_by_a_confined_program(self):
        device = self.device()
        seen = {}

        def look(device, servers):
            (worker,) = wait_for("the program that makes frames, with the old image", lambda: [
                pid for pid in self.workers(device) if os.path.lexists(f"/proc/{pid}/fd/4") and "Seccomp:\t2" in pathlib.Path(f"/proc/{pid}/status").read_text()])
            seen["status"] = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{worker}/status").read_text().splitlines())
            seen["held"] = {int(path.name): os.readlink(path) for path in pathlib.Path(f"/proc/{worker}/fd").iterdir()}
            seen["old"] = pathlib.Path(f"/proc/{worker}/fdinfo/4").read_text()
            seen["limits"] = pathlib.Path(f"/proc/{worker}/limits").read_text()
            device.stop(kill=True)
            wait_for("the program ends with the agent", lambda: not pathlib.Path(f"/proc/{worker}").exists())
            device.power_on()

        self.install(device, self.delta, look, rate=100_000)
        status = seen["status"]
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"], status["Threads"]), ("2", "1", "1"))
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0)
        if os.geteuid() == 0:
            self.assertEqual(status["Uid"].split(), ["65534"] * 4)
            self.assertEqual(status["Groups"].strip(), "")
        self.assertEqual(sorted(seen["held"]), [0, 1, 2, 3, 4])
        self.assertEqual(seen["held"][0], "/dev/null")
        self.assertEqual(seen["held"][4], str(device.folder / "slot-A"))
        self.assertEqual(int(re.search(r"flags:\s*(\d+)", seen["old"])[1], 8) & 3, os.O_RDONLY)
        self.assertRegex(seen["limits"], r"Max open files +0 ")
        self.assertRegex(seen["limits"], r"Max processes +0 ")
        self.assertRegex(seen["limits"], r"Max file size +0 ")
        self.assertRegex(seen["limits"], r"Max data size +100663296 ")

    def with_program(self, script):
        """A device whose aloftd has a program beside it that somebody has taken over."""
        folder = scratch.folder("taken")
        self.addCleanup(shutil.rmtree, folder)
        program = shutil.copy(TOOLS.aloftd, folder)
        (folder / "aloft-rebuild").write_text(f"#!/bin/sh\nreal={TOOLS.aloftd}\n{script}\n")
        (folder / "aloft-rebuild").chmod(0o755)
        device = self.device()
        device.tools = Tools(program, TOOLS.aloft)
        return device

    def test_without_the_small_program_the_agent_is_its_own(self):
        folder = scratch.folder("alone")
        self.addCleanup(shutil.rmtree, folder)
        device = self.device()
        device.tools = Tools(shutil.copy(TOOLS.aloftd, folder), TOOLS.aloft)
        _, by_full = self.install(device, self.delta)
        self.assertEqual(by_full, 0)

    def test_a_program_that_was_taken_over_costs_the_full_bundle_and_nothing_else(self):
        only_unpacks = 'test -e /proc/self/fd/4 || exec $real "$@"; '
        cases = {"exit 1": "E11013", "kill -9 $$": "E11013", "head -c 1000000 /dev/urandom >&3": "E11016", "exec 3>&-; sleep 60": "E11016",
                 "exit 3": "E11015", only_unpacks + "kill -9 $$": "E11013", only_unpacks + "head -c 1000000 /dev/zero >&3; sleep 60": "E11016"}
        for script, error in cases.items():
            with self.subTest(script):
                device = self.with_program(script)
                _, by_full = self.install(device, self.delta)
                self.assertGreaterEqual(by_full, len(self.full) * 9 // 10)
                self.assertIn(error, device.log_text())
                self.assertEqual(device.slot("A"), self.old)

    def test_a_program_that_is_killed_in_the_middle(self):
        device = self.device()

        def kill(device, servers):
            wait_for("a part of the delta has come", lambda: sum(size for _, size in servers[0].arrived()) > len(self.delta) // 2, 60)
            for worker in self.workers(device):
                os.kill(worker, signal.SIGKILL)

        by_delta, by_full = self.install(device, self.delta, kill, rate=200_000)
        self.assertGreater(by_full, 0)
        self.assertLess(by_full, len(self.full) * 3 // 4)
        self.assertIn("E11013", device.log_text())
        self.boots_and_commits(device)

    def test_the_budget_holds_for_a_lost_program_too(self):
        device = self.with_budget(self.with_program('test -e /proc/self/fd/4 || exec $real "$@"; kill -9 $$'), 1024)
        with Server(self.delta) as of_delta, Server(self.full) as of_full:
            device.power_on()
            device.run("install", f"{of_full.url}#delta={of_delta.url}")
            self.assertEqual(device.wait_for_state("failed")["update"]["error"]["number"], 8061)
            self.assertEqual(sum(size for _, size in of_full.arrived()), 0)

    def test_deltas_can_be_turned_off(self):
        device = self.device()
        config = device.folder / "system.toml"
        config.write_text(config.read_text().replace("[download]", "[download]\ndelta = false"))
        by_delta, by_full = self.install(device, self.delta)
        self.assertEqual(by_delta, 0)
        self.assertGreaterEqual(by_full, len(self.full) * 9 // 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
