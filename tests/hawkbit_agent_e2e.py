#!/usr/bin/env python3
"""The real aloftd as a device of hawkBit's protocol, against a small strict hawkBit."""
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import scratch  # noqa: E402
from agent_device import wait_for  # noqa: E402
from fake_hawkbit import Hawkbit  # noqa: E402
from hawkbit_device import LIMIT_S, HawkbitTest  # noqa: E402


class AgainstHawkbit(HawkbitTest):
    def setUp(self):
        self.hawkbit = Hawkbit()
        self.addCleanup(self.hawkbit.close)
        self.device = self.make_device(self.hawkbit.url, f'target_token_file = "{self.token_file("secret-1")}"')
        self.addCleanup(lambda: self.assertEqual(self.hawkbit.problems, []))

    def closed(self, action):
        return lambda: action.status in ("finished", "error", "canceled")

    def test_an_update_is_told_step_by_step_and_closed_after_the_commit(self):
        self.hawkbit.numbers_as_numbers = True
        action = self.hawkbit.assign(17, {**self.files, "notes.txt": b"what is new"})
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")
        self.assertEqual(action.executions(), ["proceeding", "download", "proceeding", "downloaded", "proceeding", "closed"])
        self.assertEqual(len(action.closings()), 1)
        self.assertIn("restarting", action.words())
        self.assertIn("on trial", action.words())
        progress = [f["status"]["result"]["progress"] for f in action.feedbacks if "progress" in f["status"]["result"]]
        self.assertTrue(all(p["of"] == 100 and 0 <= p["cnt"] <= 100 for p in progress), progress)
        self.assertEqual(self.device.status()["version"], "2.0")
        self.device.wait_for_state("committed")
        self.assertEqual(self.device.slot("B")[: len(self.bundle[1])], self.bundle[1])
        wait_for("the attributes tell the version", lambda: self.hawkbit.attributes["aloft.version"] == "2.0")
        self.assertLess(action.fetched, 2 * len(self.files["firmware.aloft"]), "by ranges, and nothing twice")

    def test_killed_at_each_step_it_closes_once_and_rightly(self):
        steps = [(event, when) for event in ("poll", "feedback:proceeding", "feedback:download", "feedback:downloaded", "feedback:closed") for when in ("before", "after")]
        steps += [("deployment", "after"), ("artifact", "before")]
        for number, (event, when) in enumerate(steps, 100):
            with self.subTest(event=event, when=when):
                hawkbit = Hawkbit()
                device = self.make_device(hawkbit.url, f'target_token_file = "{self.token_file("secret-1")}"')
                action = hawkbit.assign(number, self.files)
                waiting = [1]

                def watch(seen, moment, device=device, event=event, when=when, waiting=waiting):
                    if (seen, moment) == (event, when) and waiting:
                        waiting.pop()
                        device.kill_now()
                hawkbit.watch = watch
                device.boot()
                device.live(self.closed(action))
                device.live(lambda: not waiting and device.status().get("reports_waiting") == 0)
                self.assertEqual((action.status, len(action.closings())), ("finished", 1))
                self.assertEqual(device.status()["update"]["state"], "committed")
                self.assertTrue(all(f["status"]["execution"] == "closed" and f["status"]["result"]["finished"] == "success" for f in action.refused), action.refused)
                device.stop(kill=True)
                hawkbit.close()
                self.assertEqual(hawkbit.problems, [])

    def test_killed_at_every_word_it_says(self):
        """At each feedback, after the server has taken it and before the device knows."""
        action = self.hawkbit.assign(17, self.files)
        told = set()

        def watch(event, when):
            words = action.feedbacks[-1]["status"]["details"][0] if action.feedbacks else ""
            if event.startswith("feedback:") and when == "after" and words not in told:
                told.add(words)
                self.device.kill_now()
        self.hawkbit.watch = watch
        self.device.boot()
        self.device.live(self.closed(action), 180)
        self.device.live(lambda: self.device.status().get("reports_waiting") == 0)
        self.assertGreater(len(told), 4)
        self.assertEqual((action.status, len(action.closings())), ("finished", 1))

    def test_a_system_that_fails_its_health_check_is_closed_with_the_reason(self):
        self.fail_health(self.device)
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "error")
        closing, = action.closings()
        self.assertEqual(closing["status"]["code"], 6002)
        self.assertIn("E6002", action.words())
        self.assertIn("no (picture)", action.words(), "in words that the server takes")
        self.assertEqual(self.device.status()["version"], "1.0")
        time.sleep(3)
        self.assertFalse((self.device.folder / "rebooted").exists(), "it is not tried again")
        self.assertEqual(len(action.closings()), 1)

    def test_a_kernel_that_dies_is_closed_as_a_failure(self):
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        self.device.wait_for_reboot()
        for _ in range(3):
            self.device.power_on(start=False)
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.closings()[0]["status"]["code"], 6003)

    def test_a_cancelled_download_stops_and_says_so(self):
        action = self.hawkbit.assign(17, self.files)

        def watch(event, when):
            if event == "artifact" and when == "before" and action.status == "running":
                action.status = "canceling"
                time.sleep(2)
        self.hawkbit.watch = watch
        self.hawkbit.sleep = "00:00:01"
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "canceled")
        self.assertEqual(action.closings()[-1]["channel"], "cancelAction")
        self.assertEqual(self.device.status()["update"]["state"], "cancelled")
        self.hawkbit.watch = lambda *_: None
        following = self.hawkbit.assign(18, self.files)
        self.device.live(self.closed(following))
        self.assertEqual(following.status, "finished")

    def test_what_was_never_begun_is_cancelled_at_once(self):
        action = self.hawkbit.assign(17, self.files)
        action.status = "canceling"
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "canceled")
        self.assertNotIn("update", self.device.status())

    def test_too_late_to_cancel_is_rejected_and_the_truth_told(self):
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        wait_for("it restarts", (self.device.folder / "rebooted").exists, LIMIT_S)
        wait_for("that is told", lambda: "restarting" in action.words(), LIMIT_S)
        action.status = "canceling"
        wait_for("it is rejected", lambda: action.status == "running", LIMIT_S)
        self.assertIn("too late to cancel", action.words())
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")

    def test_an_action_that_the_server_forgets_stops_and_the_device_stays_well(self):
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        self.device.run("defer", "1h")
        self.device.wait_for_state("deferred", LIMIT_S)
        self.hawkbit.actions.clear()
        time.sleep(3)
        self.device.run("defer", "0")
        self.device.stop(kill=True)
        self.device.start()
        time.sleep(4)
        self.assertEqual(self.device.status()["update"]["state"], "deferred")
        self.assertFalse((self.device.folder / "rebooted").exists())
        following = self.hawkbit.assign(18, self.files)
        self.device.live(self.closed(following))
        self.assertEqual(following.status, "finished")

    def test_a_server_that_counts_anew_is_not_taken_for_the_old_one(self):
        action = self.hawkbit.assign(1, self.files)
        self.device.boot()
        self.device.live(self.closed(action))
        self.device.versions["A"] = "3.0"
        self.hawkbit.actions.clear()
        self.hawkbit.installed = None
        again = self.hawkbit.assign(1, {"firmware.aloft": self.next_bundle[0].read_bytes()})
        self.device.live(self.closed(again))
        self.assertEqual(again.status, "finished")
        self.assertEqual(self.device.status()["version"], "3.0")

    def test_a_closing_word_that_the_server_has_lost_is_said_again(self):
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        self.device.live(self.closed(action))
        action.status = "running"  # its backup was played back
        self.hawkbit.installed = None
        self.device.live(self.closed(action))
        self.assertEqual(len(action.closings()), 2)
        self.assertEqual(action.status, "finished")
        self.assertFalse((self.device.folder / "rebooted").exists())

    def test_download_only_is_held_over_restarts_until_it_is_forced(self):
        action = self.hawkbit.assign(17, self.files, kind="downloadonly")
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.executions()[-1], "downloaded")
        self.assertEqual(self.device.slot("B")[: len(self.bundle[1])], self.bundle[1])
        for _ in range(2):
            self.device.stop(kill=True)
            self.device.boot()
            time.sleep(3)
            self.assertFalse((self.device.folder / "rebooted").exists())
        self.assertEqual(self.device.status()["update"]["state"], "deferred")
        fetched = action.fetched
        forced = self.hawkbit.assign(18, self.files)
        action.status = "finished"
        self.device.live(self.closed(forced))
        self.assertEqual(forced.status, "finished")
        self.assertLess(forced.fetched, fetched // 4, "what is there is not fetched again")

    def test_outside_its_window_it_is_downloaded_and_waits(self):
        action = self.hawkbit.assign(17, self.files)
        action.window = False
        self.device.boot()
        wait_for("downloaded", lambda: action.executions()[-1:] == ["downloaded"], LIMIT_S)
        self.assertIn("its maintenance window is not open", action.words())
        time.sleep(3)
        self.assertFalse((self.device.folder / "rebooted").exists())
        self.device.stop(kill=True)
        self.device.start()
        action.window = True
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")
        self.assertIn("resumed", action.executions())

    def test_what_may_not_be_downloaded_is_not(self):
        action = self.hawkbit.assign(17, self.files, kind="later")
        self.device.boot()
        wait_for("it is told", lambda: "downloaded later" in action.words(), LIMIT_S)
        self.assertEqual(action.fetched, 0)
        action.kind = "forced"
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")

    def test_soft_updates_ask_a_person_where_that_is_configured(self):
        device = self.make_device(self.hawkbit.url, f'target_token_file = "{self.token_file("secret-1")}"\nsoft = "ask"')
        action = self.hawkbit.assign(17, self.files, kind="soft")
        device.boot()
        wait_for("it waits", lambda: "aloftd accept" in action.words(), LIMIT_S)
        self.assertEqual(action.executions(), ["scheduled"])
        self.assertEqual(device.run("accept").returncode, 0)
        device.live(self.closed(action))
        self.assertEqual(action.status, "finished")

    def test_soft_updates_are_installed_where_nothing_is_configured(self):
        action = self.hawkbit.assign(17, self.files, kind="soft")
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")

    def test_a_confirmation_is_a_persons(self):
        action = self.hawkbit.assign(17, self.files, status="waiting")
        self.device.boot()
        wait_for("it is known", lambda: self.device.run("accept").returncode == 0 or "waits for a person" in self.device.log_text(), LIMIT_S)
        wait_for("it waits", lambda: "waits for a person" in self.device.log_text(), LIMIT_S)
        if action.status == "waiting":
            self.assertEqual(self.device.run("accept").returncode, 0)
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")
        self.assertEqual([c["confirmation"] for c in self.hawkbit.confirmations], ["confirmed"])
        self.assertNotIn(("POST", "/DEFAULT/controller/v1/dev-1/deploymentBase/17/feedback"), self.hawkbit.log[: self.hawkbit.log.index(
            ("POST", "/DEFAULT/controller/v1/dev-1/confirmationBase/17/feedback"))])

    def test_deployments_without_one_bundle_are_refused_with_words(self):
        for number, files in ((17, {"rootfs.swu": b"x"}), (18, {"a.aloft": b"x", "b.aloft": b"y"}), (19, {})):
            action = self.hawkbit.assign(number, files)
            if not self.device.process:
                self.device.boot()
            self.device.live(self.closed(action))
            self.assertEqual((action.status, action.closings()[0]["status"]["code"]), ("error", 9725))
        self.assertIn('exactly one', action.words())

    def test_a_bundle_that_is_none_is_closed_with_its_error(self):
        action = self.hawkbit.assign(17, {"firmware.aloft": b"not a bundle" * 1000})
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "error")
        self.assertGreater(action.closings()[0]["status"]["code"], 0)
        self.assertEqual(self.device.slot("B").count(0), 4 << 20, "nothing was written")

    def test_a_busy_server_is_waited_for(self):
        action = self.hawkbit.assign(17, self.files)
        self.hawkbit.busy = [503, 429, 500]
        self.device.boot()
        wait_for("the update begins", lambda: action.feedbacks, LIMIT_S)
        self.hawkbit.busy = [429, 409, 500, 502]
        self.device.live(self.closed(action))
        self.assertEqual((action.status, len(action.closings())), ("finished", 1))

    def test_a_proxy_that_does_not_find_the_server_loses_no_closing_word(self):
        action = self.hawkbit.assign(17, self.files)
        real = self.hawkbit.authenticate

        def watch(event, when):
            if event == "feedback:closed" and when == "before" and not action.refused:
                action.refused.append({"status": {}})
                end = time.monotonic() + 3

                def away(request):
                    if time.monotonic() < end:
                        raise server_gone
                    real(request)
                from fake_hawkbit import Answer
                server_gone = Answer(404, b"<html>404</html>")
                self.hawkbit.authenticate = away
                raise Answer(404, b"<html>404</html>")
        self.hawkbit.watch = watch
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual((action.status, len(action.closings())), ("finished", 1))

    def test_a_token_that_is_wrong_is_told_and_can_be_replaced(self):
        token = self.token_file("wrong")
        device = self.make_device(self.hawkbit.url, f'target_token_file = "{token}"')
        device.boot()
        wait_for("it is told", lambda: "401" in device.status().get("server", {}).get("problem", ""), LIMIT_S)
        self.assertFalse(device.status()["server"]["connected"])
        self.assertEqual(self.hawkbit.log.count(("GET", "/DEFAULT/controller/v1/dev-1")), 1, "a server that refuses is left alone")
        token.write_text("secret-1\n")
        device.run("check")
        wait_for("connected", lambda: device.status()["server"]["connected"], LIMIT_S)
        self.assertNotIn("secret-1", device.log_text())

    def test_a_gateway_token_and_http_links_do(self):
        self.hawkbit.token, self.hawkbit.http_links_only, self.hawkbit.always_ask = "GatewayToken g-1", True, True
        device = self.make_device(self.hawkbit.url, f'gateway_token_file = "{self.token_file("g-1")}"')
        action = self.hawkbit.assign(17, self.files)
        device.boot()
        device.live(self.closed(action))
        self.assertEqual(action.status, "finished", "and one that asks for attributes for ever is no hindrance")

    def test_attributes_are_sent_when_asked_and_when_they_change(self):
        scripts = self.device.folder / "inventory.d"
        scripts.mkdir()
        (scripts / "10").write_text("#!/bin/sh\necho modem=ec25\necho long=" + "x" * 300 + "\n")
        (scripts / "10").chmod(0o755)
        config = self.device.folder / "system.toml"
        config.write_text(config.read_text() + f'[inventory]\ndir = "{scripts}"\n')
        self.hawkbit.attributes = None
        self.device.boot()
        wait_for("they are there", lambda: (self.hawkbit.attributes or {}).get("modem") == "ec25", LIMIT_S)
        self.assertEqual(self.hawkbit.attributes["aloft.product"], "lab-gateway")
        self.assertEqual(len(self.hawkbit.attributes["long"]), 128)
        self.hawkbit.attributes = None
        wait_for("asked again, sent again", lambda: self.hawkbit.attributes, LIMIT_S)

    def test_a_download_from_elsewhere_gets_no_token(self):
        seen = []
        files = self.files

        class Elsewhere(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.headers.get("Authorization"))
                data = files["firmware.aloft"]
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    pass

            def log_message(self, *_):
                pass
        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        self.hawkbit.elsewhere = f"http://localhost:{site.server_address[1]}"
        action = self.hawkbit.assign(17, self.files)
        self.device.boot()
        self.device.live(self.closed(action))
        self.assertEqual(action.status, "finished")
        self.assertEqual(set(seen), {None})

    def test_doctor_asks_the_server(self):
        findings = self.device.run("doctor", "--json").stdout
        self.assertIn("hawkbit-plain", findings)
        self.hawkbit.token = "TargetToken other"
        self.assertIn("server-refuses", self.device.run("doctor", "--json").stdout)

    def test_doctor_looks_at_what_the_device_shows(self):
        for lines, finding in ((f'gateway_token_file = "{self.token_file("g-1")}"', "hawkbit-gateway-token"), ("", "hawkbit-nobody")):
            found = json.loads(self.make_device(self.hawkbit.url, lines).run("doctor", "--json").stdout)["findings"]
            self.assertEqual([one["verdict"] for one in found if one["name"] == finding], ["warning"], found)
            self.assertFalse([one for one in found if one["name"].startswith("hawkbit-") and one["name"] not in (finding, "hawkbit-plain")], found)

    def test_certificates_show_who_both_are(self):
        folder = scratch.folder("mtls")
        self.addCleanup(shutil.rmtree, folder)

        def openssl(*words):
            subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
        for name in ("ca", "server", "client"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                    "-out", folder / f"{name}.csr")
        openssl("req", "-x509", "-key", folder / "ca.key", "-subj", "/CN=ca", "-days", "9", "-out", folder / "ca.pem")
        (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
        for name, extra in (("server", ["-extfile", folder / "san"]), ("client", [])):
            openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "9",
                    "-out", folder / f"{name}.pem", *extra)
        hawkbit = Hawkbit(token=None, client_ca=folder / "ca.pem", certificate=(folder / "server.pem", folder / "server.key"))
        self.addCleanup(hawkbit.close)
        device = self.make_device(hawkbit.url, f'ca_file = "{folder}/ca.pem"\nclient_cert = "{folder}/client.pem"\nclient_key = "{folder}/client.key"')
        action = hawkbit.assign(17, self.files)
        device.boot()
        device.live(self.closed(action))
        self.assertEqual(action.status, "finished", "bundle and all by certificate")
        nobody = self.make_device(hawkbit.url, f'ca_file = "{folder}/ca.pem"')
        nobody.boot()
        wait_for("it is refused", lambda: nobody.status().get("server", {}).get("problem"), LIMIT_S)
        self.assertFalse(nobody.status()["server"]["connected"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
