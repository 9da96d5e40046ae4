#!/usr/bin/python3
"""The benchmarks' own parts that measure nothing."""
import os
import pathlib
import re
import sys
import threading
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)
sys.path[:0] = [str(SOURCE / "bench"), str(SOURCE / "tests")]

import fleet  # noqa: E402
import soak  # noqa: E402


class Programs(unittest.TestCase):
    def test_what_is_measured_is_what_dev_builds(self):
        named = {match for path in (SOURCE / "bench").glob("*.py") for match in re.findall(r"build/(release[a-z-]*)/src/\w+/([a-z-]+)", path.read_text())}
        self.assertIn(("release-small", "aloft-rebuild"), named)
        for preset, program in named:
            self.assertTrue(re.search(rf"cmd_build {preset} ([a-z-]+ )*{program} ", (SOURCE / "dev").read_text()), (preset, program))


class Soak(unittest.TestCase):
    def test_each_job_is_done_once_at_least(self):
        with soak.Workers() as workers:
            workers.begin(self.fine, 60)
        self.assertEqual(workers.done, {"fine": 1})

    def test_a_job_that_never_comes_to_its_end_fails_the_soak(self):
        self.addCleanup(self.free.set)
        with unittest.mock.patch.object(soak, "JOIN_S", 0.1), self.assertRaisesRegex(AssertionError, "stuck"), soak.Workers() as workers:
            workers.begin(self.fine, 60)
            workers.begin(self.stuck, 60)

    def test_a_job_that_fails_while_the_others_are_waited_for_fails_the_soak(self):
        with self.assertRaisesRegex(AssertionError, "fails"), soak.Workers() as workers:
            workers.begin(self.fails, 60)
            self.free.set()

    def test_what_fails_in_the_soak_itself_is_told_first(self):
        with self.assertRaisesRegex(ValueError, "of its own"), soak.Workers() as workers:
            workers.begin(self.fails, 60)
            self.free.set()
            raise ValueError("of its own")

    def setUp(self):
        self.free = threading.Event()

    def fine(self):
        pass

    def stuck(self):
        self.free.wait(60)

    def fails(self):
        self.free.wait(60)
        raise OSError("the server is gone")


class Fleet(unittest.TestCase):
    def test_a_thousand_are_reached_only_where_a_thousand_heard(self):
        self.assertEqual(fleet.when_heard([0.5, 1.0, 2.0]), {"heard_median_s": 1.0, "heard_last_s": 2.0})
        self.assertEqual(fleet.when_heard([*range(1, 1001), 5000])["reached_1000_s"], 1000)
        self.assertEqual(fleet.when_heard([]), {})


if __name__ == "__main__":
    unittest.main()
