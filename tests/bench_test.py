#!/usr/bin/python3
"""The benchmarks' own parts that measure nothing."""
import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ.get("ALOFT_SOURCE") or pathlib.Path(__file__).resolve().parent.parent)


class Programs(unittest.TestCase):
    def test_what_is_measured_is_what_dev_builds(self):
        named = {match for path in (SOURCE / "bench").glob("*.py") for match in re.findall(r"build/(release[a-z-]*)/src/\w+/([a-z-]+)", path.read_text())}
        self.assertIn(("release-small", "aloft-rebuild"), named)
        for preset, program in named:
            self.assertTrue(re.search(rf"cmd_build {preset} ([a-z-]+ )*{program} ", (SOURCE / "dev").read_text()), (preset, program))


if __name__ == "__main__":
    unittest.main()
