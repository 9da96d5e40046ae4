#!/usr/bin/python3
"""./dev and the benchmarks refuse what they do not know, before they build or measure anything: a typing error is no measurement of nothing."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)


def refusal(*command):
    """What it says on standard error; it must end at once with status 2 and print nothing else."""
    with tempfile.TemporaryDirectory() as stubs:
        for name in ("apt-get", "cmake", "npm"):  # nothing is to be built, or installed for it
            (pathlib.Path(stubs) / name).write_text("#!/bin/sh\nexit 3\n")
            (pathlib.Path(stubs) / name).chmod(0o755)
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}"})
    assert done.returncode == 2 and done.stdout == "" and "== build:" not in done.stderr, (command, done)
    return done.stderr


class Refused(unittest.TestCase):
    def test_dev(self):
        for words, told in ((["bench", "polls"], "there are: install, remote"), (["bench", "crowd"], "no bench called crowd"),
                            (["bench", "server", "--only", "polls"], "'polls' is none of"), (["bench", "delta", "--kinds", "ext5"], "'ext5' is none of"),
                            (["bench", "fleet", "--jsn"], "unrecognized arguments: --jsn"), (["bench", "install", "--rounds", "0"], "at least 1"), (["bench", "remote", "1"], "unrecognized arguments: 1"),
                            (["fuzz", "nosuch"], "there are: android_slots"),
                            (["fuzz", "-t"], "-t needs"), (["fuzz", "--jobs", "2"], "unknown option --jobs"), (["fmt", "--chek"], "there is only --check"),
                            (["lint", "--al"], "there is only --all"), (["setup", "--list"], "there is only --check"), (["test", "units"], "units is no label"),
                            (["test", "--preset"], "is no preset"), (["build", "devel"], "'devel' is no preset")):
            self.assertIn(told, refusal(SOURCE / "dev", *words))

    def test_benchmarks(self):
        for name, words, told in (("server", ["--only", "polls"], "'polls' is none of: connections, million, soak"), ("server", ["--only", ""], "'' is none of"),
                                  ("server", ["--soak", "1h"], "'1h' is no whole number of at least 1"), ("delta", ["--kinds", "ext4,ext5"], "'ext5' is none of ext4, "),
                                  ("fleet", ["--devices", "0"], "at least 1"), ("install", ["--rounds", "0"], "at least 1"), ("remote", ["--rounds", "-1"], "at least 1"),
                                  ("remote", ["--ahead", "64,5"], "'5' is neither a number from 16 to 8192 nor")):
            self.assertIn(told, refusal(sys.executable, SOURCE / f"bench/{name}.py", *words))


if __name__ == "__main__":
    unittest.main()
