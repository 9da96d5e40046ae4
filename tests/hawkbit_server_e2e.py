#!/usr/bin/env python3
"""The real aloftd as a device of hawkBit's protocol, against aloft-server's own side of it, which Debian's swupdate has proven."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import server_harness  # noqa: E402
from agent_device import wait_for  # noqa: E402
from hawkbit_device import LIMIT_S, HawkbitTest  # noqa: E402


class AgainstAloftServer(HawkbitTest):
    def setUp(self):
        self.server = server_harness.Server().start().set_up()
        self.addCleanup(self.server.destroy)
        token = self.server.operator("POST", "/api/v1/ddi/devices", {"name": "dev-1", "product": "lab-gateway", "hardware": "rev-a"})["token"]
        self.server.operator("PUT", "/api/v1/ddi/settings", {"poll_s": 1})
        self.device = self.make_device(f"https://127.0.0.1:{self.server.port}",
                                       f'tenant = "default"\ntarget_token_file = "{self.token_file(token)}"\nfingerprint = "{self.server.fingerprint}"')

    def deploy(self, bundle=None):
        release = self.server.operator("POST", "/api/v1/releases", (bundle or self.bundle)[0].read_bytes())
        return self.server.operator("POST", "/api/v1/deployments", {"release": release["id"], "devices": ["dev-1"]})["deployments"][0]["id"]

    def deployment(self, number):
        return self.server.operator("GET", f"/api/v1/deployments/{number}")

    def ended(self, number):
        return lambda: self.deployment(number)["state"] in ("committed", "failed", "cancelled", "rolled-back")

    def test_an_update_is_committed(self):
        self.device.boot()
        number = self.deploy()
        self.device.live(self.ended(number))
        self.assertEqual(self.deployment(number)["state"], "committed")
        known = self.server.operator("GET", "/api/v1/devices/dev-1")
        self.assertEqual((known["version"], known["protocol"]), ("2.0", "hawkbit"))

    def test_a_failure_comes_with_its_reason(self):
        self.fail_health(self.device)
        self.device.boot()
        number = self.deploy()
        self.device.live(self.ended(number))
        shown = self.deployment(number)
        self.assertEqual((shown["state"], shown["error"]), ("failed", 9722))
        self.assertIn("no (picture)", shown["message"])
        self.assertIn("code 6002", shown["message"])

    def test_what_is_cancelled_stops_and_the_next_is_carried_out(self):
        self.device.boot()
        self.device.run("defer", "1h")
        number = self.deploy()
        wait_for("it waits", lambda: self.device.status().get("update", {}).get("state") == "deferred", LIMIT_S)
        self.server.operator("POST", f"/api/v1/deployments/{number}/cancel")
        self.device.wait_for_state("cancelled", LIMIT_S)
        wait_for("the device has answered", lambda: self.deployment(number)["transitions"][-1]["from"] == "device", LIMIT_S)
        self.device.run("defer", "0")
        following = self.deploy(self.next_bundle)
        self.device.versions["B"] = "3.0"
        self.device.live(self.ended(following))
        self.assertEqual(self.deployment(following)["state"], "committed")

    def test_a_rollout_with_consent_waits_for_a_person(self):
        self.device.boot()
        release = self.server.operator("POST", "/api/v1/releases", self.bundle[0].read_bytes())
        rollout = self.server.operator("POST", "/api/v1/rollouts", {"name": "x", "release": release["id"], "filter": "name==dev-1", "policy": {"consent": True}})
        self.server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/start", {})
        wait_for("it waits", lambda: "waits for a person" in self.device.log_text(), LIMIT_S)
        number = self.server.operator("GET", "/api/v1/deployments?active=true")["deployments"][0]["id"]
        self.assertEqual(self.device.run("accept").returncode, 0)
        self.device.live(self.ended(number))
        self.assertEqual(self.deployment(number)["state"], "committed")

    def test_the_closing_word_outlives_the_server(self):
        self.device.boot()
        number = self.deploy()
        self.device.wait_for_reboot()
        port = self.server.port
        self.server.kill()
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text().replace("require_units", "require_server = false\nrequire_units"))
        self.device.boot()
        self.device.wait_for_state("committed", LIMIT_S)
        self.device.stop(kill=True)
        self.server.start(port)
        self.device.start()
        wait_for("committed", lambda: self.deployment(number)["state"] == "committed", LIMIT_S)


if __name__ == "__main__":
    unittest.main(verbosity=2)
