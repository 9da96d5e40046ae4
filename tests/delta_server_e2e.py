#!/usr/bin/env python3
"""Deltas from the server: made by it in the background or uploaded, offered, used by real agents, counted, dropped; and what a kill, damage
and a small memory limit do to that."""
import ctypes
import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import server_harness  # noqa: E402
from agent_device import Device, Tools, Vendor, wait_for  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))
SIZE = 8 << 20


def images(size, seed=7):
    source = random.Random(seed)
    old = source.randbytes(size)
    new = bytearray(old[size // 3:] + old[: size // 3])
    for at in range(0, size - 4000, size // 40):
        new[at:at + 1500] = source.randbytes(1500)
    return old, bytes(new)


class DeltaServerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.old, cls.new = images(SIZE)
        cls.files = {version: cls.pack(version, content) for version, content in {"1.0": cls.old, "2.0": cls.new}.items()}
        cls.delta = cls.vendor.folder / "1.0-2.0.delta"
        subprocess.run([TOOLS.aloft, "delta", "create", cls.files["1.0"], cls.files["2.0"], "-o", cls.delta], check=True, capture_output=True)

    @classmethod
    def pack(cls, version, content):
        image = cls.vendor.folder / f"image-{version}-{len(content)}"
        image.write_bytes(content)
        return cls.vendor.pack(version, "--image", f"rootfs={image}").rename(cls.vendor.folder / f"bundle-{version}-{len(content)}")

    def serve(self, *arguments):
        server = server_harness.Server(arguments=arguments).start().set_up()
        self.addCleanup(server.destroy)
        return server

    def device(self, server, name="cam-01", running=None):
        token = server.operator("POST", "/api/v1/enrolment-tokens", {"note": "test"})["token"]
        device = Device(TOOLS, self.vendor.trust, slot_bytes=SIZE, server={"url": f"https://127.0.0.1:{server.port}", "name": name, "token": token})
        self.addCleanup(device.stop, kill=True)
        (device.folder / "slot-A").write_bytes(running or self.old)
        device.power_on()
        wait_for("connected", lambda: device.status().get("server", {}).get("connected"), 30)
        return device

    def upload(self, server, file):
        return server.operator("POST", "/api/v1/releases", file.read_bytes(), timeout=120)["id"]

    def deltas(self, server, release):
        return server.operator("GET", f"/api/v1/releases/{release}/deltas")

    def ready(self, server, release, limit_s=120):
        return wait_for("the server has made it", lambda: [d for d in self.deltas(server, release)["deltas"] if "size_bytes" in d], limit_s)[0]

    def deploy(self, server, release, device):
        return server.operator("POST", "/api/v1/deployments", {"release": release, "devices": [device]})["deployments"][0]["id"]

    def deployment(self, server, number):
        return server.operator("GET", f"/api/v1/deployments/{number}")

    def update(self, server, device, number):
        device.wait_for_reboot(120)
        self.assertEqual(device.slot("B"), self.new)
        device.power_on("2.0")
        return wait_for("committed", lambda: (lambda d: d if d["state"] == "committed" else None)(self.deployment(server, number)), 60)

    def test_made_used_counted_and_dropped(self):
        server = self.serve("--delta-keep-hours", "0")
        device = self.device(server)
        self.upload(server, self.files["1.0"])
        release = self.upload(server, self.files["2.0"])
        made = self.ready(server, release)
        self.assertEqual((made["from_version"], made.get("created_by")), ("1.0", None))
        self.assertEqual(made["sources"], [{"image": "rootfs", "sha256": hashlib.sha256(self.old).hexdigest()}])
        number = self.deploy(server, release, "cam-01")
        ended = self.update(server, device, number)
        self.assertIn("made by a delta", device.log_text())
        cost = ended["download"]
        self.assertEqual(cost["method"], "delta")
        self.assertLess(cost["fetched_bytes"], made["size_bytes"] + 1000)
        self.assertEqual(cost["fetched_bytes"] + cost["saved_bytes"], self.files["2.0"].stat().st_size)
        shown = self.deltas(server, release)["downloads"]
        self.assertEqual(shown, [{"method": "delta", "deployments": 1, "fetched_bytes": cost["fetched_bytes"], "saved_bytes": cost["saved_bytes"]}])
        metrics = server.call("GET", "/metrics").decode()
        self.assertIn(f'aloft_download_saved_bytes_total{{method="delta"}} {cost["saved_bytes"]}\n', metrics)
        print(f"{cost['fetched_bytes']} bytes fetched, {cost['saved_bytes']} saved", file=sys.stderr)
        wait_for("nobody needs it any more", lambda: self.deltas(server, release)["deltas"] == [], 60)
        self.assertFalse(list((server.folder / "data/blobs").glob(f"*/{made['sha256']}")))
        self.assertEqual(self.deployment(server, number)["download"], cost)

    def test_a_device_never_waits_for_one(self):
        server = self.serve("--deltas", "off")
        device = self.device(server)
        self.upload(server, self.files["1.0"])
        release = self.upload(server, self.files["2.0"])
        ended = self.update(server, device, self.deploy(server, release, "cam-01"))
        self.assertEqual(ended["download"]["method"], "full")
        self.assertEqual(self.deltas(server, release)["deltas"], [])

    def test_one_that_is_damaged_on_the_server_still_reaches_every_device(self):
        server = self.serve()
        devices = {name: self.device(server, name) for name in ("whole", "records", "head", "gone")}
        self.upload(server, self.files["1.0"])
        release = self.upload(server, self.files["2.0"])
        made = self.ready(server, release)
        blob = next((server.folder / "data/blobs").glob(f"*/{made['sha256']}"))
        good = blob.read_bytes()
        records, head = bytearray(good), bytearray(good)
        for at in range(len(good) // 2, len(good), 20_000):
            records[at] ^= 0xFF
        head[100] ^= 0xFF
        got = {}
        for name, content in {"whole": good, "records": bytes(records), "head": bytes(head), "gone": None}.items():
            blob.write_bytes(content) if content else blob.unlink()
            got[name] = self.update(server, devices[name], self.deploy(server, release, name))["download"]
        size = self.files["2.0"].stat().st_size
        self.assertLess(got["whole"]["fetched_bytes"], size // 10)
        self.assertGreater(got["records"]["fetched_bytes"], len(good))
        self.assertLess(got["records"]["fetched_bytes"], size * 3 // 4)
        for name in ("head", "gone"):
            self.assertEqual(got[name]["method"], "full")
            self.assertGreaterEqual(got[name]["fetched_bytes"], size * 9 // 10)
        print({name: cost["fetched_bytes"] for name, cost in got.items()}, file=sys.stderr)

    def test_uploaded_ones_are_offered_and_refused_where_they_lead_elsewhere(self):
        server = self.serve("--deltas", "off")
        device = self.device(server)
        release = self.upload(server, self.files["2.0"])
        delta = self.delta.read_bytes()

        def add(to, body, query=""):
            return server.operator("POST", f"/api/v1/releases/{to}/deltas{query}", body)

        with self.assertRaises(server_harness.Refused) as refused:
            add(release, delta)
        self.assertEqual((refused.exception.status, refused.exception.number), (409, 9033), "the server does not know what it starts from")
        self.assertEqual(add(release, delta, "?from=1.0")["hardware"], [])
        old = self.upload(server, self.files["1.0"])
        added = add(release, delta)
        self.assertEqual((added["from_version"], added["hardware"], added["created_by"]), ("1.0", ["rev-a"], "admin"))
        for to, body, number in ((old, delta, 9034), (release, b"no delta", 11000), (release, delta + b"x", 9034), (release, delta[:-1], 9034)):
            with self.assertRaises(server_harness.Refused) as refused:
                add(to, body)
            self.assertEqual(refused.exception.number, number)
        number = self.deploy(server, release, "cam-01")
        self.assertEqual(self.update(server, device, number)["download"]["method"], "delta")
        server.operator("DELETE", f"/api/v1/deltas/{added['id']}")
        self.assertEqual(len(self.deltas(server, release)["deltas"]), 1)
        server.operator("DELETE", f"/api/v1/releases/{release}")
        self.assertFalse(list((server.folder / "data/blobs").glob(f"*/{added['sha256']}")), "they go with their release")

    def test_the_command_line_shows_and_uploads_them(self):
        server = self.serve("--deltas", "off")
        token = server.operator("POST", "/api/v1/tokens", {"note": "cli"})["token"]
        home = {**os.environ, "HOME": str(self.vendor.folder), "ALOFT_SERVER": f"https://127.0.0.1:{server.port}", "ALOFT_TOKEN": token, "ALOFT_FINGERPRINT": server.fingerprint}

        def aloft(*arguments):
            done = subprocess.run([TOOLS.aloft, *map(str, arguments)], env=home, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        for version in ("1.0", "2.0"):
            aloft("release", "upload", self.files[version])
        self.assertIn("offered to devices that run 1.0", aloft("release", "delta", "add", "2.0", self.delta))
        self.assertIn("1.0", aloft("release", "delta", "list", "2.0"))
        aloft("release", "delta", "remove", "1")
        self.assertNotIn("1.0 ", aloft("release", "delta", "list", "2.0"))

    def budgeted(self, server, kib, **options):
        device = self.device(server, **options)
        device.stop()
        config = device.folder / "system.toml"
        config.write_text(config.read_text().replace("[download]", f"[download]\nbudget_kib = {kib}"))
        device.start()
        return device

    def deferred(self, server, number):
        return wait_for("it waits", lambda: (lambda d: d if d["state"] == "deferred" and d.get("error") else None)(self.deployment(server, number)), 60)

    def test_what_would_cost_too_much_waits_until_a_delta_comes(self):
        server = self.serve("--deltas", "off")
        device = self.budgeted(server, 2048)
        release = self.upload(server, self.files["2.0"])
        number = self.deploy(server, release, "cam-01")
        waiting = self.deferred(server, number)
        self.assertEqual(waiting["error"], 8062)
        self.assertIn("download.budget_kib", waiting["message"])
        time.sleep(2)
        self.assertEqual(self.deferred(server, number)["changed_ms"], waiting["changed_ms"], "it does not try again and again")
        server.operator("POST", f"/api/v1/releases/{release}/deltas?from=1.0", self.delta.read_bytes())
        ended = self.update(server, device, number)
        self.assertEqual(ended["download"]["method"], "delta")
        self.assertLess(ended["download"]["fetched_bytes"], self.delta.stat().st_size + (1 << 20))

    @staticmethod
    def is_offered(server, device, told):
        headers = {**device.headers, **({"Aloft-Deltas": told} if told else {})}
        return "delta" in server.call("GET", "/api/device/v1/assignment", headers=headers)["deployment"]

    def test_a_delta_is_offered_to_agents_that_can_apply_it(self):
        server = self.serve("--deltas", "off")
        release = self.upload(server, self.files["2.0"])
        self.upload(server, self.files["1.0"])
        first = self.delta.read_bytes()
        self.assertEqual(int.from_bytes(first[8:12], "little"), 1, "random bytes have no differences to model")
        second = bytearray(first)
        second[8] = 2
        described = sum(int.from_bytes(first[at:at + 8], "little") for at in (16, 24))
        second[32:64] = hashlib.sha256(second[:32] + second[64:64 + described]).digest()
        device = server_harness.ready_device(server, "old-agent", version="1.0")
        self.deploy(server, release, "old-agent")
        server.operator("POST", f"/api/v1/releases/{release}/deltas", first)
        for told in ("1", None, "x", "2 zstd=10504"):
            self.assertTrue(self.is_offered(server, device, told), told)
        server.operator("POST", f"/api/v1/releases/{release}/deltas", bytes(second))
        zstd = "zstd=10504"
        for told, offered in (("2", True), (f"2 {zstd}", True), ("3 later-word", True), ("1", False), (None, False), ("x", False), (f"1 {zstd}", False)):
            self.assertEqual(self.is_offered(server, device, told), offered, told)
        # After a restart it is known from the file.
        server.stop()
        server.start()
        device.authenticate()
        for told, offered in (("2", True), ("1", False)):
            self.assertEqual(self.is_offered(server, device, told), offered, told)

    def test_a_delta_of_programs_of_32_bit_arm_is_for_agents_that_know_them(self):
        """Those that only know older versions of the format are offered the full bundle alone."""
        server = self.serve("--deltas", "off")
        source = random.Random(11)
        old = bytearray(source.randbytes(1 << 20).ljust(SIZE, b"\0"))
        old[:20] = b"\x7fELF\1\1\1" + bytes(11) + (40).to_bytes(2, "little")
        new = bytearray(old)
        for at in range(32, 1 << 20, 16):
            target = source.randrange(100) * 8000
            for image, moved in ((old, 0), (new, target % 7 * 64)):
                image[at:at + 4] = (0xEB000000 | (target + moved - at - 8) >> 2 & 0xFFFFFF).to_bytes(4, "little")
        bundles = {version: self.pack(version, bytes(image)) for version, image in {"3.0": old, "4.0": new}.items()}
        delta = self.vendor.folder / "3.0-4.0.delta"
        subprocess.run([TOOLS.aloft, "delta", "create", bundles["3.0"], bundles["4.0"], "-o", delta], check=True, capture_output=True)
        self.assertEqual(int.from_bytes(delta.read_bytes()[8:12], "little"), 7)
        release = self.upload(server, bundles["4.0"])
        server.operator("POST", f"/api/v1/releases/{release}/deltas?from=3.0", delta.read_bytes())
        device = server_harness.ready_device(server, "old-agent", version="3.0")
        self.deploy(server, release, "old-agent")
        for told, offered in (("7", True), ("8", True), ("6", False), ("6 zstd=10504", False), (None, False)):
            self.assertEqual(self.is_offered(server, device, told), offered, told)

    def test_a_delta_of_compressed_blocks_needs_the_same_compressor(self):
        if not shutil.which("mksquashfs"):
            self.skipTest("no mksquashfs")
        server = self.serve("--deltas", "off")
        files = {}
        for version, seed in (("5.0", 1), ("6.0", 2)):
            tree = self.vendor.folder / f"tree-{version}"
            tree.mkdir()
            words = random.Random(5)
            text = " ".join(str(words.randrange(5000)) for _ in range(300_000))
            (tree / "words").write_text(text[:400_000] + f" version {version} " * seed + text[400_000:])
            image = self.vendor.folder / f"squashfs-{version}"
            subprocess.run(["mksquashfs", tree, image, "-comp", "zstd", "-noappend", "-all-root", "-mkfs-time", "0", "-all-time", "0"], check=True, capture_output=True)
            files[version] = self.vendor.pack(version, "--image", f"rootfs={image}").rename(self.vendor.folder / f"squashed-{version}")
        delta = self.vendor.folder / "5.0-6.0.delta"
        subprocess.run([TOOLS.aloft, "delta", "create", files["5.0"], files["6.0"], "-o", delta], check=True, capture_output=True)
        release = self.upload(server, files["6.0"])
        server.operator("POST", f"/api/v1/releases/{release}/deltas?from=5.0", delta.read_bytes())
        device = server_harness.ready_device(server, "squashed", version="5.0")
        self.deploy(server, release, "squashed")
        own = ctypes.CDLL("libzstd.so.1").ZSTD_versionNumber()
        for told, offered in ((f"2 zstd={own}", True), (f"2 zstd={own} zstd=10506", True), ("2", False), ("2 zstd=10399", False), (f"2 xz={own}", False)):
            self.assertEqual(self.is_offered(server, device, told), offered, told)

    def test_a_delta_that_does_not_serve_costs_no_more_than_is_allowed(self):
        server = self.serve("--deltas", "off")
        self.device(server, "cam-01", running=random.Random(4).randbytes(SIZE))
        release = self.upload(server, self.files["2.0"])
        server.operator("POST", f"/api/v1/releases/{release}/deltas?from=1.0", self.delta.read_bytes())
        policy = {"download": {"budget_bytes": 4 << 20}}
        number = server.operator("POST", "/api/v1/deployments", {"release": release, "devices": ["cam-01"], "policy": policy})["deployments"][0]["id"]
        waiting = self.deferred(server, number)
        self.assertEqual(waiting["error"], 8062)
        self.assertEqual(waiting["policy"], policy)
        self.assertLess(waiting["download"]["fetched_bytes"], 2 << 20, "what falling back costs is known before it costs anything")
        self.assertEqual(waiting["download"]["saved_bytes"], 0)

    def children(self, server):
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(re.sub(r".*\) . (\d+) .*", r"\1", stat.read_text())) == server.process.pid:
                    found.append(int(stat.parent.name))
            except (OSError, ValueError):
                pass
        return found

    def test_a_kill_in_the_making_loses_nothing_and_it_is_bounded(self):
        server = self.serve()
        device = self.device(server)
        old, new = images(96 << 20, seed=11)
        self.upload(server, self.pack("1.0", old))
        release = self.upload(server, self.pack("2.0", new))
        child = wait_for("it is being made", lambda: self.children(server), 60)[0]
        limits = pathlib.Path(f"/proc/{child}/limits")
        wait_for("its memory is bounded", lambda: re.search(rf"Max data size +{1 << 30} ", limits.read_text()), 20)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, child), 19)
        self.assertIn("making", self.deltas(server, release))
        begin = time.monotonic()
        self.assertTrue(device.status()["server"]["connected"])
        server.operator("GET", "/api/v1/devices")
        self.assertLess(time.monotonic() - begin, 5, "the server answers meanwhile")
        server.kill()
        wait_for("the child ends with its server", lambda: not pathlib.Path(f"/proc/{child}/exe").exists() or b"make-delta" not in pathlib.Path(f"/proc/{child}/cmdline").read_bytes(), 20)
        server.start(port=server.port)
        self.assertFalse(list((server.folder / "data/incoming").glob("*.delta")))
        made = self.ready(server, release, 300)
        self.assertLess(made["size_bytes"], 1 << 20)

    def test_the_least_memory_is_enough_for_small_images(self):
        server = self.serve("--delta-memory-mib", "128")
        self.device(server)
        self.upload(server, self.files["1.0"])
        release = self.upload(server, self.files["2.0"])
        self.assertLess(self.ready(server, release)["size_bytes"], SIZE // 10)

    def test_too_little_memory_ends_the_making_with_a_reason(self):
        output = self.vendor.folder / "none.delta"
        command = [server_harness.PROGRAM, "make-delta", self.files["1.0"], self.files["2.0"], output, str(1 << 20), str(os.getpid())]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--delta-memory-mib", done.stderr)
        self.assertFalse(output.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
