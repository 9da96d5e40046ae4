#!/usr/bin/env python3
"""How devices do, on the real server, with devices made of Python: comparison, gates, what is refused, what survives a kill."""
import json
import os
import pathlib
import subprocess

from rollouts_e2e import act, make, show, site, wait_for, wait_for_state
from server_harness import refused, run

ALOFT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/cli/aloft"


def version(name, began, hours, crashes, temperature):
    return {"version": name, "began": began, "uptime_s": hours * 3600, "reboots": {"watchdog": crashes, "requested": 1},
            "metrics": {"cpu-temp": {"count": 2, "sum": 2 * temperature, "last": temperature}}}


def tell(server, device, versions, last_boot="requested"):
    server.call("PUT", "/api/device/v1/vitals", {"last_boot": last_boot, "versions": versions}, headers=device.headers)


def aloft(server, *arguments):
    environment = {**os.environ, "ALOFT_SERVER": f"https://127.0.0.1:{server.port}", "ALOFT_FINGERPRINT": server.fingerprint,
                   "ALOFT_TOKEN": server.admin["Authorization"].split()[1]}
    return subprocess.run([ALOFT, *arguments], env=environment, check=True, capture_output=True, text=True).stdout


def case_a_rollout_stops_when_devices_crash_more_than_before():
    with site(10) as (server, fleet):
        fleet.begin()
        gate = {"measure": "crash-reboots", "worse_percent": 100, "limit": 0.01, "min_devices": 4, "min_hours": 4}
        rollout = make(server, fleet.releases[0], waves=[{"count": 4, "soak_s": 3600}], health_gates=[gate])
        assert rollout["health_gates"] == [{"worse": "higher", **gate}]
        act(server, rollout, "start")
        wait_for_state(server, rollout, "soaking")
        committed = [d["device"] for d in server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/devices?state=committed")["devices"]]
        assert len(committed) == 4
        for name in committed[:3]:
            tell(server, fleet.devices[name], [version("1", 1, 100, 1, 50), version("2", 2, 2, 4, 61)], "watchdog")
        health = server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/health")
        assert health["device_count"] == 3 and show(server, rollout)["state"] == "soaking", "the sample is too small"
        server.kill()
        server.start(server.port)
        tell(server, fleet.devices[committed[3]], [version("1", 1, 100, 1, 50), version("2", 2, 2, 4, 61)])
        shown = wait_for_state(server, rollout, "paused")
        assert shown["reason"] == ("crash-reboots is 2 per device-hour, and was 0.01 with what the same 4 devices ran before; "
                                   "allowed is worse by 100 %"), shown["reason"]
        assert shown["counts"]["committed"] == 4 and shown["counts"]["waiting"] == 6
        act(server, rollout, "resume")
        assert server.operator("GET", f"/api/v1/rollouts/{rollout['id']}/health")["device_count"] == 0, "those are forgiven"
        act(server, rollout, "raise", {"permille": 1000})
        assert wait_for_state(server, rollout, "finished")["counts"]["committed"] == 10


def case_the_release_is_compared_with_what_the_same_devices_ran():
    with site(3) as (server, fleet):
        release = fleet.releases[0]
        tell(server, fleet.devices["cam-00"], [version("1", 1, 10, 0, 50), version("2", 2, 10, 1, 60)])
        tell(server, fleet.devices["cam-01"], [version("1", 1, 10, 0, 52), version("2", 2, 30, 0, 66)])
        tell(server, fleet.devices["cam-02"], [version("2", 1, 60, 0, 99)], "panic")
        health = server.operator("GET", f"/api/v1/releases/{release['id']}/health")
        assert health["device_count"] == 3 and health["step"]["from"] == [{"version": "1", "device_count": 2}]
        measures = {m["name"]: m for m in health["measures"]}
        assert measures["crash-reboots"]["value"] == 0.01
        assert measures["cpu-temp"] == {"name": "cpu-temp", "device_count": 3, "value": 66.0,
                                        "step": {"device_count": 2, "value": 63.0, "before": 51.0}}
        one = server.operator("GET", "/api/v1/devices/cam-00/health")
        assert [v["version"] for v in one["versions"]] == ["2", "1"] and one["versions"][0]["metrics"]["cpu-temp"]["mean"] == 60
        shown = aloft(server, "health", "release", str(release["id"]))
        assert ["cpu-temp", "3", "66", "2", "51", "63"] in [line.split() for line in shown.splitlines()], shown
        assert "last start: panic" in aloft(server, "health", "device", "cam-02")
        made = json.loads(aloft(server, "rollout", "create", "--release", str(release["id"]), "--filter", "name==*", "--health-gate", "cpu-temp+10%:3", "--json"))
        assert made["health_gates"][0]["worse_percent"] == 10
        assert json.loads(aloft(server, "health", "rollout", str(made["id"]), "--json"))["device_count"] == 0


def case_nonsense_is_refused_and_strangers_hear_nothing():
    with site(1) as (server, fleet):
        device = fleet.devices["cam-00"]
        for change in ({"metrics": {"a b": {"count": 1, "sum": 1, "last": 1}}}, {"metrics": {"x": {"count": 0, "sum": 1, "last": 1}}},
                       {"uptime_s": -1}, {"began": "1"}, {"reboots": {"watchdog": 1.5}}):
            refused(400, 1007, tell, server, device, [{**version("1", 1, 1, 0, 1), **change}])
        refused(400, 1007, tell, server, device, [version(str(n), n, 1, 0, 1) for n in range(1, 6)])
        refused(401, 9060, server.call, "GET", "/api/v1/devices/cam-00/health")
        refused(404, 9020, server.operator, "GET", "/api/v1/devices/nobody/health")
        refused(404, 9030, server.operator, "GET", "/api/v1/releases/99/health")
        refused(404, 9620, server.operator, "GET", "/api/v1/rollouts/99/health")
        refused(400, 9621, make, server, fleet.releases[0], health_gates=[{"measure": "cpu-temp"}])
        assert server.operator("GET", "/api/v1/devices/cam-00/health") == {"versions": []}


if __name__ == "__main__":
    run(globals())
