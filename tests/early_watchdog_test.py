#!/usr/bin/python3
"""aloft-watchdog, the watchdog's keeper in the initramfs. A regular file plays the device: it keeps every ping, and 'V' would be the farewell
that calls the reset off. Over to the agent: src/agent/watchdog_test.cpp, and the lab's stories of systems that hang."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["ALOFT_BUILD"]) / "integration/initramfs/aloft-watchdog"


def keepers(device):
    """Processes in the background that hold the device open."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            held = [os.readlink(each) for each in (entry / "fd").iterdir()]
        except OSError:
            continue
        if str(device) in held:
            found.append(int(entry.name))
    return found


class EarlyWatchdog(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.device, self.line = pathlib.Path(self.folder.name, "watchdog"), pathlib.Path(self.folder.name, "cmdline")
        self.device.touch()
        self.line.write_text("root=x aloft.slot=B aloft.state=trial\n")

    def tearDown(self):
        for process in keepers(self.device):
            os.kill(process, signal.SIGKILL)
        self.folder.cleanup()

    def start(self, *options):
        return subprocess.run([PROGRAM, "--command-line", self.line, *options, self.device], capture_output=True, text=True, timeout=20)

    def wait(self, condition):
        deadline = time.monotonic() + 15
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not happen")
            time.sleep(0.05)

    def test_goes_into_the_background_and_pings_until_its_time_is_over(self):
        self.assertEqual(self.start("--timeout", "4", "--for", "3").returncode, 0)
        self.assertEqual(len(keepers(self.device)), 1)
        self.wait(lambda: not keepers(self.device))
        self.assertIn(self.device.read_text(), ("\n\n\n", "\n\n\n\n"))

    def test_lets_go_without_the_farewell_when_asked(self):
        self.start("--timeout", "400", "--for", "600")
        (process,) = keepers(self.device)
        self.assertEqual(pathlib.Path(f"/proc/{process}/comm").read_text(), "aloft-watchdog\n")
        self.assertTrue(pathlib.Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"@"), "systemd would end it")
        self.wait(lambda: self.device.read_text() == "\n")
        os.kill(process, signal.SIGTERM)
        self.wait(lambda: not keepers(self.device))
        self.assertEqual(self.device.read_text(), "\n\n")

    def test_leaves_a_committed_system_alone(self):
        self.line.write_text("root=x aloft.slot=B aloft.state=committed quiet\n")
        self.assertEqual(self.start().returncode, 0)
        self.assertEqual((self.device.read_text(), keepers(self.device)), ("", []))

    def test_a_word_that_only_contains_it_does_not_count(self):
        self.line.write_text("x.aloft.state=committed aloft.state=committed-not\n")
        self.start()
        self.assertEqual(len(keepers(self.device)), 1)

    def test_says_that_there_is_no_watchdog(self):
        self.device.unlink()
        done = self.start()
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot open", done.stderr)

    def test_refuses_what_it_does_not_know(self):
        for options in (["--timeout", "0"], ["--timeout", "5x"], ["--for"], ["--for", "99999999"], ["--often"]):
            done = subprocess.run([PROGRAM, *options], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr.startswith("usage:")), (2, True), options)


if __name__ == "__main__":
    unittest.main()
