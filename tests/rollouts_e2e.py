#!/usr/bin/env python3
"""Rollouts on the real server, with devices made of Python: waves, gates, roll back, restart in the middle, joining, approval, why."""
import contextlib
import sqlite3
import threading
import time

from server_harness import Refused, Server, Signer, deploy, ready_device, refused, run


@contextlib.contextmanager
def site(size=0, **more):
    server = Server()
    fleet = Fleet(server)
    try:
        server.start().set_up()
        signer = Signer(server.folder)
        fleet.releases = [upload(server, signer, version) for version in ("2", "3")]
        fleet.devices = {name: ready_device(server, name, **more) for name in (f"cam-{n:02}" for n in range(size))}
        yield server, fleet
    finally:
        fleet.stop()
        server.destroy()


def upload(server, signer, version):
    return server.operator("POST", "/api/v1/releases", signer.bundle(version, version.encode() * 3000))


class Fleet:
    """Devices that carry out what they are assigned, in one thread. verdict(device, deployment) -> final state, or None for silence."""

    def __init__(self, server):
        self.server, self.devices, self.releases = server, {}, []
        self.verdict = lambda device, deployment: "committed"
        self.ending = threading.Event()
        self.thread = None

    def begin(self):
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.ending.set()
        if self.thread:
            self.thread.join(20)

    def work(self):
        while not self.ending.is_set():
            for device in list(self.devices.values()):
                with contextlib.suppress(OSError, Refused):
                    self.one(device)
            time.sleep(0.02)

    def one(self, device):
        assigned = device.poll()[2].get("deployment")
        if not assigned or getattr(device, "done", None) == assigned["id"]:
            return
        state = self.verdict(device, assigned)
        if state is None:
            return
        if getattr(device, "deployment", None) != assigned["id"]:
            device.deployment, device.sequence = assigned["id"], 0
        if state == "committed":
            device.version = assigned["version"]
        device.report(assigned["id"], state, **({"error": 8010} if state != "committed" else {}))
        device.done = assigned["id"]


def make(server, release, **plan):
    return server.operator("POST", "/api/v1/rollouts", {"name": "test", "release": release["id"], "filter": "name==cam-*", **plan})


def act(server, rollout, what, body=None):
    return server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/{what}", body or {})


def show(server, rollout):
    return server.operator("GET", f"/api/v1/rollouts/{rollout['id']}")


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)
    return found


def wait_for_state(server, rollout, state):
    def there():
        shown = show(server, rollout)
        return shown if shown["state"] == state else None
    return wait_for(there)


def versions(server):
    return {device["name"]: device["version"] for device in server.operator("GET", "/api/v1/devices")["devices"]}


def why(server, name):
    answer = server.operator("GET", f"/api/v1/devices/{name}/why")
    return answer["verdict"], [reason["code"] for reason in answer["reasons"]]


def case_waves_reach_everybody_and_say_so_before():
    with site(12) as (server, fleet):
        ready_device(server, "other", product="toaster")
        plan = {"name": "all", "release": fleet.releases[0]["id"], "filter": "name==*", "waves": [{"count": 2}, {"permille": 500}, {"permille": 1000}]}
        preview = server.operator("POST", "/api/v1/rollout-preview", plan)
        assert preview["matching"] == 13 and preview["members"] == 12 and preview["left_out"] == [{"reason": "another product", "device_count": 1}]
        assert preview["waves"][0] == 2 and sum(preview["waves"]) == 12
        rollout = server.operator("POST", "/api/v1/rollouts", plan)
        assert rollout["state"] == "ready" and rollout["counts"]["waiting"] == 12
        assert why(server, "cam-00") == ("waiting", ["not-started"]) and why(server, "other") == ("nothing", ["does-not-fit"])
        fleet.begin()
        act(server, rollout, "start")
        shown = wait_for_state(server, rollout, "finished")
        assert shown["counts"]["committed"] == 12 and shown["reached_permille"] == 1000
        assert [e["event"] for e in shown["events"]] == ["made", "start", "wave-ended", "soak-over", "wave-ended", "soak-over", "last-wave-ended"]
        first = [d["device"] for d in server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices")["devices"] if d["wave"] == 1]
        assert sorted(first) == sorted(preview["examples"][:2]), "the preview named those who came first"
        refused(409, 9622, act, server, rollout, "pause")
        assert server.operator("GET", "/api/v1/rollouts?active=true")["rollouts"] == []


def case_a_broken_gate_pauses_and_why_tells():
    with site(20) as (server, fleet):
        fleet.verdict = lambda device, deployment: "rolled-back"
        fleet.begin()
        rollout = make(server, fleet.releases[0], waves=[{"count": 4}, {"permille": 1000}], gates=[{"max_permille": 250, "min_sample": 4}])
        act(server, rollout, "start")
        shown = wait_for_state(server, rollout, "paused")
        assert shown["counts"]["rolled-back"] == 4 and shown["counts"]["waiting"] == 16 and "4 of 4" in shown["reason"]
        assert shown["errors"] == [{"error": 8010, "device_count": 4}]
        metrics = server.call("GET", "/metrics").decode()
        assert f'aloft_rollout_state{{rollout="{rollout["id"]}",state="paused"}} 1' in metrics and 'state="rolled-back"} 4' in metrics
        waiting = server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices?state=waiting")["devices"][0]["device"]
        verdict, codes = why(server, waiting)
        assert (verdict, codes) == ("waiting", ["paused"])
        fleet.verdict = lambda device, deployment: "committed"
        act(server, rollout, "resume")
        shown = wait_for_state(server, rollout, "finished")
        assert shown["counts"]["committed"] == 16


def case_a_broken_gate_takes_back_what_it_did():
    with site(10) as (server, fleet):
        old, new = fleet.releases
        fleet.verdict = lambda device, deployment: "failed" if deployment["version"] == "3" and device.name.endswith(("1", "3", "5", "7", "9")) else "committed"
        fleet.begin()
        rollout = make(server, new, gates=[{"failure": "failed", "max_permille": 200, "min_sample": 5}], on_broken="roll-back", rollback_release=old["id"])
        act(server, rollout, "start")
        shown = wait_for_state(server, rollout, "rolled-back")
        back = {"id": wait_for(lambda: show(server, rollout).get("successor"))}
        shown = show(server, back)
        assert shown["parent"] == rollout["id"] and shown["version"] == "2"
        wait_for(lambda: all(d["version"] != "3" for d in server.operator("GET", "/api/v1/devices")["devices"]))


def case_a_way_back_is_for_those_that_still_run_it():
    with site(3) as (server, fleet):
        old, new = fleet.releases
        newer = upload(server, Signer(server.folder), "4")
        fleet.begin()
        rollout = make(server, new, waves=[{"count": 3, "soak_s": 10_000}, {"permille": 1000}], rollback_release=old["id"])
        act(server, rollout, "start")
        wait_for_state(server, rollout, "soaking")
        later = server.operator("POST", "/api/v1/rollouts", {"name": "newer", "release": newer["id"], "filter": "name!=cam-02"})
        act(server, later, "start")
        wait_for_state(server, later, "finished")
        back = {"id": act(server, rollout, "roll-back")["successor"]}
        shown = wait_for_state(server, back, "finished")
        assert shown["counts"]["committed"] == 1 and sum(shown["counts"].values()) == 1, shown["counts"]
        assert versions(server) == {"cam-00": "4", "cam-01": "4", "cam-02": "2"}


def case_commits_too_late_to_stop_go_back_too():
    with site(3) as (server, fleet):
        old, new = fleet.releases
        rollout = make(server, new, rollback_release=old["id"])
        act(server, rollout, "start")
        devices = list(fleet.devices.values())
        late = [wait_for(lambda device=device: device.poll()[2].get("deployment")) for device in devices]
        for device, assigned in zip(devices, late):
            device.report(assigned["id"], "rebooting")
        back = {"id": act(server, rollout, "roll-back")["successor"]}
        wait_for_state(server, back, "running")
        time.sleep(4)
        assert show(server, back)["state"] == "running", "it ended although devices may still commit"
        server.kill()
        server.start(server.port)
        time.sleep(4)
        for device, assigned in zip(devices, late):
            device.version = "3"
            device.report(assigned["id"], "committed")
        for device in devices:
            assigned = wait_for(lambda device=device: device.poll()[2].get("deployment"))
            assert assigned["version"] == "2"
            device.version = "2"
            device.report(assigned["id"], "committed")
        shown = wait_for_state(server, back, "finished")  # long before its deadline
        assert shown["counts"]["committed"] == 3 and set(versions(server).values()) == {"2"}


def case_a_device_that_waits_still_does_after_a_restart():
    with site(1) as (server, fleet):
        rollout = make(server, fleet.releases[0], deadline_s=60, policy={"download_only": True})
        act(server, rollout, "start")
        device = fleet.devices["cam-00"]
        assigned = wait_for(lambda: device.poll()[2].get("deployment"))
        device.report(assigned["id"], "deferred", error=8064, message="holds it")
        server.kill()
        with contextlib.closing(sqlite3.connect(server.folder / "data/fleet.db")) as database, database:
            database.execute("UPDATE rollout_devices SET changed_ms=changed_ms-7200000")  # so long ago
        server.start(server.port)
        for _ in range(36):  # half of the deadline is left, and it is seen
            assert device.poll()[2].get("deployment"), show(server, rollout)["counts"]
            time.sleep(1)
        assert show(server, rollout)["counts"]["offered"] == 1 and why(server, "cam-00") == ("updating", ["deferred"])


def case_a_restart_in_the_middle_loses_nothing():
    with site(30) as (server, fleet):
        fleet.begin()
        rollout = make(server, fleet.releases[0], waves=[{"permille": 200}, {"permille": 600, "soak_s": 1}, {"permille": 1000}], rate_per_minute=600)
        act(server, rollout, "start")
        for _ in range(4):
            time.sleep(0.7)
            server.kill()
            server.start(server.port)
        shown = wait_for_state(server, rollout, "finished")
        assert shown["counts"]["committed"] == 30
        assert all(d["attempts"] == 1 for d in server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices")["devices"])


def case_devices_that_come_to_match_join():
    with site(3) as (server, fleet):
        fleet.begin()
        rollout = server.operator("POST", "/api/v1/rollouts", {"name": "betas", "release": fleet.releases[0]["id"], "filter": "tag==beta,attribute.ring==0", "adopt": True})
        act(server, rollout, "start")
        wait_for_state(server, rollout, "open")
        server.operator("POST", "/api/v1/tags/beta/devices", {"add": ["cam-00"]})
        wait_for(lambda: show(server, rollout)["counts"]["committed"] == 1)
        server.call("PUT", "/api/device/v1/inventory", {"attributes": {"ring": "0"}}, headers=fleet.devices["cam-01"].headers)
        wait_for(lambda: show(server, rollout)["counts"]["committed"] == 2)
        fleet.devices["late"] = ready_device(server, "late")
        assert why(server, "late") == ("nothing", ["filter"])
        server.kill()
        server.start(server.port)
        server.operator("POST", "/api/v1/tags/beta/devices", {"add": ["late"]})
        wait_for(lambda: show(server, rollout)["counts"]["committed"] == 3)
        assert act(server, rollout, "finish")["state"] == "finished"


def case_orders_by_hand():
    with site(10) as (server, fleet):
        rollout = make(server, fleet.releases[0], waves=[{"count": 1, "soak_s": 1000}, {"permille": 1000}], needs_approval=True)
        assert rollout["state"] == "awaiting-approval"
        refused(409, 9622, act, server, rollout, "start")
        refused(403, 9623, act, server, rollout, "approve")
        assert act(server, rollout, "deny")["state"] == "denied"
        rollout = make(server, fleet.releases[0], waves=[{"count": 1, "soak_s": 1000}, {"permille": 1000}])
        act(server, rollout, "start")
        [name] = wait_for(lambda: [d["device"] for d in server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices?state=offered")["devices"]])
        assert why(server, name) == ("updating", ["offered"])
        refused(409, 9031, server.operator, "DELETE", f"/api/v1/releases/{fleet.releases[0]['id']}")
        server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/devices/{name}/cancel", {})
        assert fleet.devices[name].poll()[2] == {}
        wait_for_state(server, rollout, "soaking")
        refused(400, 9069, act, server, rollout, "raise", {"permille": 0})
        act(server, rollout, "raise", {"permille": 1000})
        wait_for(lambda: show(server, rollout)["counts"]["offered"] == 9)
        assert act(server, rollout, "abort")["state"] == "aborted"
        wait_for(lambda: all(device.poll()[2] == {} for device in fleet.devices.values()))
        refused(404, 9620, act, server, {"id": 99}, "pause")


def case_devices_that_are_deleted_hold_nobody_up():
    with site(4) as (server, fleet):
        plan = {"name": "all", "release": fleet.releases[0]["id"], "filter": "name==cam-*", "waves": [{"count": 3}, {"permille": 1000}]}
        busy, offered, last, waiting = server.operator("POST", "/api/v1/rollout-preview", plan)["examples"]
        deploy(server, fleet.releases[1], busy)
        rollout = server.operator("POST", "/api/v1/rollouts", plan)
        act(server, rollout, "start")
        wait_for(lambda: show(server, rollout)["counts"]["offered"] == 2 and why(server, busy)[1][-1] == "busy")
        assert why(server, waiting) == ("waiting", ["wave-not-open"])
        for name in (busy, offered, waiting):
            server.operator("DELETE", f"/api/v1/devices/{name}")
        assert show(server, rollout)["counts"] == {**{state: 0 for state in show(server, rollout)["counts"]}, "offered": 1}
        fleet.devices = {last: fleet.devices[last]}
        fleet.begin()
        shown = wait_for_state(server, rollout, "finished")
        assert shown["counts"]["committed"] == 1 and sum(shown["counts"].values()) == 1


def case_who_comes_after_a_deleted_device_is_not_in_its_place():
    with site(2) as (server, fleet):
        server.operator("POST", "/api/v1/tags/beta/devices", {"add": ["cam-00", "cam-01"]})
        rollout = make(server, fleet.releases[0], filter="tag==beta", adopt=True)
        assert rollout["state"] == "ready" and rollout["counts"]["waiting"] == 2
        server.operator("DELETE", "/api/v1/devices/cam-01")
        del fleet.devices["cam-01"]
        fleet.devices["stranger"] = ready_device(server, "stranger")
        assert why(server, "stranger") == ("nothing", ["filter"])
        act(server, rollout, "start")
        fleet.begin()
        wait_for_state(server, rollout, "open")
        assert [d["device"] for d in server.operator("GET", "/api/v1/deployments")["deployments"]] == ["cam-00"]
        server.operator("POST", "/api/v1/tags/beta/devices", {"add": ["stranger"]})
        wait_for(lambda: show(server, rollout)["counts"]["committed"] == 2)


def case_who_waits_for_another_try_can_be_taken_out():
    with site(3) as (server, fleet):
        rollout = make(server, fleet.releases[0], retries=1)
        act(server, rollout, "start")
        wait_for(lambda: show(server, rollout)["counts"]["offered"] == 3)
        act(server, rollout, "pause")
        for name in ("cam-00", "cam-01"):
            device = fleet.devices[name]
            device.report(device.poll()[2]["deployment"]["id"], "failed", error=8010)

        def counts():
            members = server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices")["devices"]
            shown = {state: count for state, count in show(server, rollout)["counts"].items() if count}
            assert shown == {state: sum(m["state"] == state for m in members) for state in {m["state"] for m in members}}
            return shown

        assert counts() == {"waiting": 2, "offered": 1} and why(server, "cam-00") == ("waiting", ["paused"])
        server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/devices/cam-00/cancel", {})
        assert counts() == {"cancelled": 1, "waiting": 1, "offered": 1}
        act(server, rollout, "resume")
        wait_for(lambda: counts() == {"cancelled": 1, "offered": 2})
        time.sleep(1)
        assert counts() == {"cancelled": 1, "offered": 2} and fleet.devices["cam-00"].poll()[2] == {}
        server.kill()
        server.start(server.port)
        assert counts() == {"cancelled": 1, "offered": 2}


def case_who_was_taken_out_is_not_tried_again():
    with site(3) as (server, fleet):
        rollout = make(server, fleet.releases[0], retries=1)
        act(server, rollout, "start")
        wait_for(lambda: show(server, rollout)["counts"]["offered"] == 3)
        assigned = {name: device.poll()[2]["deployment"]["id"] for name, device in fleet.devices.items()}
        taken = [fleet.devices["cam-00"], fleet.devices["cam-01"]]
        for device in taken:
            device.report(assigned[device.name], "rebooting")
        server.operator("POST", f"/api/v1/rollouts/{rollout['id']}/devices/cam-00/cancel", {})
        server.operator("POST", f"/api/v1/deployments/{assigned['cam-01']}/cancel", {})
        assert show(server, rollout)["counts"]["cancelled"] == 2
        for device in taken:
            device.report(assigned[device.name], "rolled-back", error=8010)

        def nobody_is_offered_it_again():
            time.sleep(1.5)
            assert all(device.poll()[2] == {} for device in taken)
            assert show(server, rollout)["counts"]["rolled-back"] == 2 and show(server, rollout)["state"] == "running"

        nobody_is_offered_it_again()
        server.kill()
        server.start(server.port)
        nobody_is_offered_it_again()


def case_plans_that_make_no_sense_are_refused():
    with site(1) as (server, fleet):
        one = fleet.releases[0]
        for plan, number in (({"waves": [{"permille": 10, "count": 5}]}, 9621), ({"waves": [{"permille": 500}, {"permille": 100}]}, 9621),
                             ({"filter": "lastseen<5"}, 9615), ({"filter": "name=="}, 9610), ({"on_broken": "roll-back"}, 9621),
                             ({"gates": [{"max_permille": 2000}]}, 1007), ({"surprise": 1}, 1007),
                             ({"policy": {"window": {"from": "25:00", "until": "05:00"}}}, 1007)):
            refused(400, number, make, server, one, **plan)
        refused(404, 9600, server.operator, "POST", "/api/v1/rollouts", {"name": "x", "release": one["id"], "group": "nobody"})
        refused(404, 9030, make, server, {"id": 99})


def case_devices_pass_through_what_they_must():
    with site(3) as (server, fleet):
        signer = Signer(server.folder)
        stone = server.operator("PUT", f"/api/v1/releases/{upload(server, signer, '1.5')['id']}", {"must_pass_through": True})
        assert stone["must_pass_through"] is True
        fleet.devices["cam-02"].version = "1.7"
        fleet.devices["cam-02"].send([])
        fleet.begin()
        rollout = make(server, fleet.releases[0], rate_per_minute=600, rate_growth={"factor_percent": 200, "interval_s": 10})
        act(server, rollout, "start")
        shown = wait_for_state(server, rollout, "finished")
        assert shown["counts"]["committed"] == 3 and shown["rate_growth"] == {"factor_percent": 200, "interval_s": 10}
        ways = {}
        for deployment in server.operator("GET", "/api/v1/deployments")["deployments"]:
            ways.setdefault(deployment["device"], []).insert(0, deployment["version"])
        assert ways == {"cam-00": ["1.5", "2"], "cam-01": ["1.5", "2"], "cam-02": ["2"]}, ways


def case_devices_get_the_policy():
    with site(1) as (server, fleet):
        policy = {"consent": True, "window": {"days": ["sat", "sun"], "from": "22:00", "until": "05:00"}}
        rollout = make(server, fleet.releases[0], policy=policy)
        act(server, rollout, "start")
        device = fleet.devices["cam-00"]
        assigned = wait_for(lambda: device.poll()[2].get("deployment"))
        assert assigned["policy"] == policy
        device.report(assigned["id"], "deferred", error=8042, message="waits for its window")
        assert why(server, "cam-00") == ("updating", ["deferred"])


if __name__ == "__main__":
    run(globals())
