#!/usr/bin/env python3
"""The real aloft and the real aloftd at tenants of a real aloft-server, under host names that lead to this machine by themselves."""
import os
import pathlib

from agent_device import Device, Tools, Vendor, wait_for
from cli_e2e import ALOFT, Operator
from server_harness import PASSWORD, Server, run

BUILD = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev"))
TOOLS = Tools(os.environ.get("ALOFT_AGENT", BUILD / "src/agent/aloftd"), ALOFT)


class Shell(Operator):
    """An operator's at one site, with a log-in of its own."""

    def __init__(self, server, host):
        super().__init__(server)
        self.host = host
        self.environment["XDG_CONFIG_HOME"] = str(server.folder / f"config-{host}")

    def url(self):
        return f"https://{self.host}:{self.server.port}"

    def log_in(self, token):
        self.run("login", self.url(), "--setup", token, "--password-stdin", text=PASSWORD + "\n")
        return self


def case_a_provider_makes_tenants_and_their_people_and_devices_work_with_the_real_programs():
    server = Server(arguments=["--tenant-domain", "localhost", "--deltas", "off"]).start()
    vendor = Vendor(TOOLS)
    bundle, content = vendor.bundle("2.0")
    devices = []
    try:
        provider = Shell(server, "localhost").log_in(server.setup_token)
        shells = {}
        for name in ("acme", "beta"):
            made = provider.run("tenant", "add", name)
            assert f"open https://{name}.localhost:{server.port}/setup#" in made
            shells[name] = Shell(server, f"{name}.localhost").log_in(made.split("--setup ")[1].strip())
        assert "has an administrator already" in provider.run("tenant", "link", "acme", status=1)
        assert [t["name"] for t in provider.json("tenant", "list")["tenants"]] == ["acme", "beta"]
        assert "E9501" in shells["acme"].run("tenant", "list", status=1)
        for name, shell in shells.items():
            made = shell.json("enrol-token", "create")
            assert made["url"] == shell.url()
            device = Device(TOOLS, vendor.trust, server={"url": made["url"], "name": "cam-01", "token": made["token"]})
            devices.append(device)
            device.power_on()
        for device in devices:
            wait_for("connected", lambda d=device: d.status().get("server", {}).get("connected"), 60)
        acme = shells["acme"]
        acme.run("release", "upload", bundle)
        number = acme.json("deploy", "--release", "2.0", "--device", "cam-01")["deployments"][0]["id"]
        devices[0].wait_for_reboot()
        assert devices[0].slot("B")[: len(content)] == content
        devices[0].power_on("2.0")
        wait_for("committed", lambda: acme.json("deployment", "show", number)["state"] == "committed", 60)
        listed = shells["beta"].json("device", "list")
        assert [d["version"] for d in (listed if isinstance(listed, list) else listed["devices"])] != ["2.0"], "the other's device is another"
        assert "cam-01" not in provider.run("device", "list")
        assert "acme" in provider.run("tenant", "list") and "running" in provider.run("tenant", "list")
        shown = provider.run("tenant", "quota", "acme", "devices=5", "artifact_bytes=1G").splitlines()
        assert ["devices", "1", "5", "0"] in [line.split() for line in shown], shown
        assert provider.json("tenant", "quota", "acme")["limits"] == {"devices": 5, "artifact_bytes": 1 << 30}
        assert "artifact_bytes" in acme.run("quota") and {"quota": "devices", "used": 1, "limit": 5, "refused": 0} in acme.json("quota")["quotas"]
        assert "E1008" in provider.run("tenant", "quota", "acme", "devices", status=2)
        provider.run("tenant", "suspend", "beta")
        assert "E9080" in shells["beta"].run("device", "list", status=1)
        wait_for("the device notices", lambda: not devices[1].status()["server"]["connected"], 60)
        provider.run("tenant", "resume", "beta")
        wait_for("connected again", lambda: devices[1].status()["server"]["connected"], 120)
        assert "--yes" in provider.run("tenant", "remove", "beta", status=2)
        provider.run("tenant", "remove", "beta", "--yes")
        assert [t["name"] for t in provider.json("tenant", "list")["tenants"]] == ["acme"]
    finally:
        for device in devices:
            device.stop(kill=True)
        server.destroy()


if __name__ == "__main__":
    run(globals())
