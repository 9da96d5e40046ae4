#!/usr/bin/env python3
"""The real aloftd through whole updates, without a machine: install, reboot, trial, commit and every way back.

Programs are taken from $ALOFT_BUILD; ALOFT_AGENT and ALOFT_CLI name others.
"""
import http.server
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from agent_device import Device, Tools, Vendor, read_env, wait_for, write_env  # noqa: E402

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", pathlib.Path(__file__).parent.parent / "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), os.environ.get("ALOFT_CLI", BUILD / "src/cli/aloft"))


class BreakingHandler(http.server.BaseHTTPRequestHandler):
    """A web server with ranges whose connections break after 200 kB."""
    protocol_version = "HTTP/1.1"
    content = b""
    served = []

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
        rest = self.content[start:]
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        self.send_header("ETag", '"one"')
        self.end_headers()
        part = rest[:200_000]
        self.served.append((start, len(part)))
        self.wfile.write(part)
        self.close_connection = True

    def log_message(self, *arguments):
        pass


class AgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vendor = Vendor(TOOLS)
        cls.good, cls.image = cls.vendor.bundle("2.0")

    def setUp(self):
        self.device = Device(TOOLS, self.vendor.trust)
        self.addCleanup(self.device.stop, kill=True)

    def check(self, name, script):
        path = self.device.health / name
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)

    def assert_running(self, group, phase):
        status = self.device.wait_for_state(phase)
        self.assertEqual(status["group"], group)
        return status

    def install_and_reboot(self, bundle):
        done = self.device.run("install", str(bundle))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.device.wait_for_reboot()

    def test_good_update_is_committed(self):
        self.check("10-ok", "exit 0")
        self.device.power_on()
        self.install_and_reboot(self.good)
        self.assertEqual(self.device.slot("B")[: len(self.image)], self.image)
        self.assertTrue(self.device.watchdog.read_bytes(), "the watchdog is armed before the reboot")
        self.assertFalse(self.device.watchdog.read_bytes().endswith(b"V"), "and stays armed")
        self.assertEqual(self.device.power_on("2.0"), "B")
        status = self.assert_running("B", "committed")
        self.assertEqual(status["version"], "2.0")
        self.assertEqual(read_env(self.device.env)["B_STATE"], "good")
        wait_for("the watchdog is released", lambda: self.device.watchdog.read_bytes().endswith(b"V"))

    def test_failing_health_check_rolls_back(self):
        self.device.power_on()
        self.install_and_reboot(self.good)
        self.check("20-app", "echo starting; echo the camera does not answer >&2; exit 3")
        self.device.power_on("2.0")
        self.device.wait_for_reboot()
        self.assertEqual(self.device.power_on("1.0"), "A")
        update = self.assert_running("A", "rolled-back")["update"]
        self.assertEqual(update["error"]["name"], "unhealthy")
        self.assertIn("health check 20-app failed with status 3: the camera does not answer", update["message"])
        self.assertEqual(read_env(self.device.env)["A_STATE"], "good")

    def test_health_check_that_hangs_rolls_back(self):
        self.device.configure(self.vendor.trust, None, "check_timeout_s = 1")
        self.check("hang", "echo waiting; sleep 100")
        self.device.power_on()
        self.install_and_reboot(self.good)
        self.device.power_on("2.0")
        self.device.wait_for_reboot()
        self.device.power_on("1.0")
        self.assertIn("E8011 health-timeout", self.assert_running("A", "rolled-back")["update"]["message"])

    def test_system_that_panics_falls_back(self):
        self.device.power_on()
        self.install_and_reboot(self.good)
        booted = [self.device.power_on(start=False) for _ in range(3)]
        self.assertEqual(booted, ["B", "B", "B"])
        self.assertEqual(self.device.power_on(), "A")
        self.assertEqual(self.assert_running("A", "rolled-back")["update"]["error"]["name"], "tries-used")

    def test_agent_that_is_killed_again_and_again_does_not_draw_the_trial_out(self):
        self.check("10-slow", "sleep 30")
        self.device.power_on()
        self.install_and_reboot(self.good)
        self.device.power_on("2.0", start=False)
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("deadline_s = 20", "deadline_s = 15"))
        begin = time.monotonic()
        for _ in range(2):
            self.device.start()
            self.device.wait_for_state("on-trial")
            time.sleep(2)
            self.device.stop(kill=True)
        time.sleep(max(0, begin + 17 - time.monotonic()))
        self.assertFalse((self.device.folder / "rebooted").exists())
        self.device.start()
        self.device.wait_for_reboot(10)
        self.assertEqual(read_env(self.device.env)["B_STATE"], "0", "it is given up")
        self.assertEqual(self.device.power_on("1.0"), "A")
        update = self.assert_running("A", "rolled-back")["update"]
        self.assertIn("the trial's 15 s were over", update["message"])

    def test_a_trial_begins_anew_with_each_boot(self):
        self.device.power_on()
        self.install_and_reboot(self.good)
        self.check("10-slow", "sleep 30")
        self.device.power_on("2.0")
        self.device.wait_for_state("on-trial")
        self.device.stop(kill=True)
        kept = self.device.folder / "state/trial-began"
        boot_id, began_ms = kept.read_text().split()
        kept.write_text(f"{boot_id} {int(began_ms) - 60_000}\n")
        (self.device.health / "10-slow").unlink()
        self.device.power_on()
        self.assert_running("B", "committed")
        wait_for("the trial's begin is forgotten", lambda: kept.read_text() == "")

    def test_trial_without_a_way_back_is_not_reset_for_ever(self):
        """As a first system that was never committed. A hang is still reset."""
        write_env(self.device.env, {"ORDER": "A B", "A_STATE": "3", "B_STATE": "0"})
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("[watchdog]\n", "[watchdog]\ntimeout_s = 5\n"))
        self.check("10-bad", "exit 1")
        self.device.power_on()
        wait_for("the trial fails", lambda: "update 0: failed" in self.device.log_text())
        kept = self.device.folder / "state/trial-began"
        journal = self.device.folder / "state/journal"
        for writable in (True, False):
            self.device.stop()
            boot_id, began_ms = kept.read_text().split()
            kept.write_text(f"{boot_id} {int(began_ms) - 60_000}\n")
            self.device.watchdog.write_bytes(b"")
            if not writable:
                journal.unlink()
                for path in (journal, journal.with_suffix(".bad")):
                    (path / "in-the-way").mkdir(parents=True)
            self.device.start()
            wait_for("it is pinged beyond the trial's deadline", lambda: len(self.device.watchdog.read_bytes()) > 3, 10)
            self.assertTrue(self.device.status()["watchdog"]["armed"])
            self.assertNotIn(b"V", self.device.watchdog.read_bytes())

    def test_pipe(self):
        self.device.power_on()
        with open(self.good, "rb") as bundle:
            sender = subprocess.Popen(["cat"], stdin=bundle, stdout=subprocess.PIPE)
            done = self.device.run("install", "-", stdin=sender.stdout)
            sender.stdout.close()
            sender.wait()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("version 2.0", done.stdout)
        self.device.wait_for_reboot()
        self.assertEqual(self.device.slot("B")[: len(self.image)], self.image)

    def impatient(self, give_up_s):
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("give_up_s = 20", f"give_up_s = {give_up_s}"))

    def stalled(self, sent_bytes, *options):
        """A client of `install -` whose pipe stays open, and brings no more."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        client = subprocess.Popen([TOOLS.aloftd, "install", *options, "-", "--config", self.device.folder / "system.toml"], stdin=reading,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        os.close(reading)
        os.write(writing, self.good.read_bytes()[:sent_bytes])
        return client

    def test_pipe_that_stalls_can_be_cancelled(self):
        self.device.power_on()
        for sent_bytes, state in ((0, "accepted"), (2000, "accepted"), (50_000, "installing")):
            with self.subTest(state, sent_bytes=sent_bytes):
                client = self.stalled(sent_bytes)
                self.device.wait_for_state(state)
                self.assertEqual(self.device.run("cancel").returncode, 0)
                self.device.wait_for_state("cancelled", 5)
                self.assertIn("E8024 cancelled", client.communicate(timeout=5)[1])
        self.stalled(0)
        self.device.wait_for_state("accepted")
        self.device.process.terminate()
        self.assertEqual(self.device.process.wait(5), 0, "nor does it keep the agent from ending")
        self.device.start()
        self.device.wait_for_state("failed")
        self.install_and_reboot(self.good)

    def test_pipe_that_stalls_is_given_up(self):
        self.impatient(2)
        self.device.power_on()
        for sent_bytes in (0, 50_000):
            client = self.stalled(sent_bytes)
            self.assertIn("E3017 stream-given-up: nothing came for 2 s", client.communicate(timeout=10)[1])
            self.device.wait_for_state("failed", 1)
        rehearsal = self.stalled(0, "--dry-run")
        self.assertIn("E3017 stream-given-up", rehearsal.communicate(timeout=10)[1])
        self.install_and_reboot(self.good)

    def test_standard_input_that_is_closed_is_no_bundle(self):
        self.device.power_on()
        for options in ((), ("--dry-run",)):
            done = self.device.run("install", *options, "-", preexec_fn=lambda: os.close(0))
            self.assertEqual((done.returncode, "E8025 bad-uri: standard input is closed" in done.stderr), (1, True), done.stderr)
        self.assertNotIn("update", self.device.status())

    def test_broken_connections_are_resumed(self):
        BreakingHandler.content, BreakingHandler.served = self.good.read_bytes(), []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BreakingHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.device.power_on()
        self.install_and_reboot(f"http://127.0.0.1:{server.server_port}/2.0.aloft")
        self.assertEqual(self.device.slot("B")[: len(self.image)], self.image)
        self.assertGreater(len(BreakingHandler.served), 2, "the connection did break")

    def test_killed_while_installing_resumes(self):
        big, image = self.vendor.bundle("2.1", size=24 << 20)
        self.device = Device(TOOLS, self.vendor.trust, slot_bytes=32 << 20)
        self.addCleanup(self.device.stop, kill=True)
        self.device.power_on()
        self.assertEqual(self.device.run("install", str(big)).returncode, 0)
        wait_for("something is written", lambda: self.device.slot("B")[: 1 << 20].strip(b"\0") or (self.device.folder / "rebooted").exists())
        self.device.stop(kill=True)
        if self.device.power_on() == "A":  # B: it came as far as arming it
            self.device.wait_for_reboot()
        self.assertEqual(self.device.slot("B")[: len(image)], image)

    def test_bundle_for_another_product_is_refused_and_nothing_written(self):
        other, _ = self.vendor.bundle("9.0", product="toaster")
        self.device.power_on()
        before = self.device.slot("B")
        done = self.device.run("install", "--wait", str(other))
        self.assertEqual(done.returncode, 1)
        self.assertIn("toaster", done.stdout + done.stderr)
        self.assertIn("E8046 update-failed: the update failed, E3020 wrong-product: ", done.stderr)
        self.assertEqual(self.device.slot("B"), before)
        self.assertEqual(read_env(self.device.env)["A_STATE"], "good")
        descriptors = pathlib.Path(f"/proc/{self.device.process.pid}/fd")
        wait_for("the file is let go", lambda: not any(os.readlink(each) == str(other) for each in descriptors.iterdir() if each.is_symlink()))

    def test_ftp(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-d", self.good.parent],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        def answers():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        wait_for("the FTP server", answers)
        self.device.power_on()
        done = self.device.run("install", "--wait", f"ftp://127.0.0.1:{port}/{self.good.name}")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.device.wait_for_reboot()
        self.device.power_on("2.0")
        self.assert_running("B", "committed")

    def test_rollback_floor_holds_for_local_users(self):
        high, _ = self.vendor.bundle("3.0", security_version=7)
        self.device.power_on()
        self.install_and_reboot(high)
        self.device.power_on("3.0")
        self.assert_running("B", "committed")
        done = self.device.run("install", "--wait", str(self.good))
        self.assertEqual(done.returncode, 1)
        self.assertIn("security", (done.stdout + done.stderr).lower())

    @unittest.skipUnless(os.geteuid() == 0, "needs to become another user")
    def test_other_users_may_look_but_not_act(self):
        nobody = pwd.getpwnam("nobody")
        self.device.folder.chmod(0o755)
        # Where the build lies may be closed to others (/root is).
        program = shutil.copy(self.device.tools.aloftd, self.device.folder)
        as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "executable": program, "cwd": "/"}
        self.device.power_on()
        look = self.device.run("status", "--socket", str(self.device.socket), **as_nobody)
        self.assertEqual(look.returncode, 0, look.stderr)
        for verb in (["cancel"], ["defer", "1h"], ["install", "http://127.0.0.1:1/x.aloft"], ["check"]):
            act = self.device.run(*verb, "--socket", str(self.device.socket), **as_nobody)
            self.assertEqual(act.returncode, 1, verb)
            self.assertIn("E8021 not-allowed", act.stderr)

    def test_rude_clients_hang_nothing(self):
        self.device.power_on()
        rude = []
        for words in (b"", b"{\"do\":", b"garbage\n", b"x" * 100_000, b"{\"do\":\"watch\"}\n" * 3000, b"\xff\xfe\n", b"[" * 8000):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(2)
            client.connect(str(self.device.socket))
            try:
                client.sendall(words)
            except (BrokenPipeError, TimeoutError, ConnectionResetError):
                pass
            rude.append(client)
        self.assertEqual(self.device.status()["group"], "A")
        for _ in range(40):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(self.device.socket))
            rude.append(client)
        for client in rude:
            client.close()
        wait_for("the daemon answers again", lambda: self.device.status().get("group") == "A")

    def test_doctor(self):
        self.device.power_on()
        done = self.device.run("doctor")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("ok    daemon: the daemon answers", done.stdout)
        (self.device.folder / "slot-B").unlink()
        done = self.device.run("doctor")
        self.assertEqual(done.returncode, 1)
        self.assertIn("BAD   slot-missing: slot B.rootfs", done.stdout)
        self.assertIn("mend: ", done.stdout)

    def test_doctor_tells_names_that_are_no_utf8_as_json(self):
        (self.device.health / os.fsdecode(b"caf\xe9")).write_text("#!/bin/sh\n")
        done = self.device.run("doctor", "--json")
        self.assertIn("caf\N{REPLACEMENT CHARACTER}", " ".join(each["what"] for each in json.loads(done.stdout)["findings"]))

    def test_doctor_probes_the_boot_state_only_without_a_daemon(self):
        self.device.power_on()
        before = self.device.env.stat().st_mtime_ns
        self.assertEqual(self.device.run("doctor").returncode, 0)
        self.assertEqual(self.device.env.stat().st_mtime_ns, before)
        self.device.stop()
        content = self.device.env.read_bytes()
        self.assertIn("warn  daemon-stopped: the daemon does not run", self.device.run("doctor").stdout)
        self.assertNotEqual(self.device.env.stat().st_mtime_ns, before)
        self.assertEqual(self.device.env.read_bytes(), content)

    def test_idle_memory(self):
        self.device.power_on()
        wait_for("at most 8 MiB resident", lambda: self.device.resident_kib() <= 8192, 30)

    def test_second_daemon_is_refused(self):
        self.device.power_on()
        done = self.device.run("daemon")
        self.assertEqual(done.returncode, 1)
        self.assertIn("E8026 already-running", done.stderr)

    def test_what_cannot_be_cancelled_is_told(self):
        self.device.power_on()
        done = self.device.run("cancel")
        self.assertEqual((done.returncode, "E8045 nothing-to-cancel" in done.stderr, done.stderr.count("\n")), (1, True, 1))

    def test_history_tells_every_update(self):
        self.device.power_on()
        self.assertEqual(self.device.run("history").stdout, "none yet\n")
        self.install_and_reboot(self.good)
        self.device.power_on("2.0")
        self.assert_running("B", "committed")
        updates = json.loads(self.device.run("history", "--json").stdout)
        self.assertEqual([(u["state"], u["version"]) for u in updates], [("committed", "2.0")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
