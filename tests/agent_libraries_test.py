#!/usr/bin/env python3
"""The agent has neither Boost nor a D-Bus library in it, whoever of its own code or its libraries might bring them."""
import os
import pathlib
import subprocess
import unittest

AGENT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/agent/aloftd"


def printed(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


class AgentLibraries(unittest.TestCase):
    def test_no_dbus_library_is_loaded(self):
        loaded = [line.split()[0] for line in printed("ldd", AGENT).splitlines()]
        self.assertTrue([name for name in loaded if name.startswith("libcurl")], loaded)
        self.assertEqual([name for name in loaded if "dbus" in name or "systemd" in name or "boost" in name], [])

    def test_nothing_of_boost_is_compiled_in(self):
        names = printed("nm", "--demangle", AGENT)
        self.assertIn("aloft::agent::", names)
        self.assertNotIn("boost::", names)


if __name__ == "__main__":
    unittest.main()
