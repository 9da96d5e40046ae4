#!/usr/bin/python3
"""./dev and the benchmarks refuse what they do not know, before they build or measure anything: a typing error is no measurement of nothing; and
./dev lint looks at what changed."""
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


class Lint(unittest.TestCase):
    """./dev lint in a repository whose clang-tidy says which files it is given."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name) / "project"
        self.put("tools/packages.txt", "")
        self.put("tests/style_test.py", "")
        self.put("tools/tidy.py", "import sys\nprint(*sys.argv[2:])\n")
        self.put("stubs/cmake", "#!/bin/sh\n")
        self.put("dev", (SOURCE / "dev").read_text())
        for name in ("dev", "stubs/cmake"):
            (self.folder / name).chmod(0o755)
        for name in ("src/base/clock.hpp", "src/base/clock.cpp", "src/base/clock_test.cpp", "src/base/errors.hpp", "src/base/other.cpp", "fuzz/clock_fuzz.cpp", "bench/load/main.cpp"):
            self.put(name, "")
        self.git("init", "-q")
        self.commit()
        self.commit()

    def put(self, name, text):
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def git(self, *words, folder=None):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=folder or self.folder, check=True, capture_output=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    def lint(self, *words, folder=None):
        """(status, files given to clang-tidy, what it says)"""
        folder = folder or self.folder
        done = subprocess.run([folder / "dev", "lint", *words], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "PATH": f"{folder / 'stubs'}:{os.environ['PATH']}"})
        return done.returncode, done.stdout.split(), done.stderr

    def test_what_changed_since_the_commit_before_is_looked_at_and_what_belongs_to_a_header(self):
        for changed, given in ((["src/base/other.cpp"], ["src/base/other.cpp"]), (["fuzz/clock_fuzz.cpp", "bench/load/main.cpp"], ["bench/load/main.cpp", "fuzz/clock_fuzz.cpp"]),
                               (["src/base/clock.hpp", "src/base/clock.cpp"], ["src/base/clock.cpp", "src/base/clock_test.cpp"]), (["src/base/errors.hpp"], [])):
            for name in changed:
                self.put(name, (self.folder / name).read_text() + "//\n")
            self.assertEqual(self.lint()[:2], (0, given), changed)
            self.commit()
            self.assertEqual(self.lint()[:2], (0, given), changed)
            self.put("README.md", changed[0])
            self.commit()
            self.assertEqual(self.lint()[:2], (0, []))

    def test_without_a_commit_before_it_says_so_instead_of_looking_at_nothing(self):
        self.put("src/base/other.cpp", "//\n")
        self.commit()
        shallow = self.folder.parent / "shallow"
        self.git("clone", "-q", "--depth", "1", f"file://{self.folder}", str(shallow))
        status, given, said = self.lint(folder=shallow)
        self.assertEqual((status, given), (2, []))
        self.assertIn("no commit before this one", said)
        self.assertEqual(self.lint("--all", folder=shallow)[0], 0)

    def test_all_is_every_file(self):
        self.assertEqual(self.lint("--all")[:2], (0, ["bench/load/main.cpp", "fuzz/clock_fuzz.cpp", "src/base/clock.cpp", "src/base/clock_test.cpp", "src/base/other.cpp"]))


if __name__ == "__main__":
    unittest.main()
