#!/usr/bin/env python3
"""A real aloft-server with simulated devices, for the console's tests: reads commands from standard input and answers each, as lines of JSON.

{"do": "device", "name": "cam-01", ...}  ->  {"ok": ...}  or  {"error": "..."}. Ends, and removes everything, at the end of its input.
"""
import concurrent.futures
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("ALOFT_BUILD", str(ROOT / "build/dev"))
sys.path.insert(0, str(ROOT / "tests"))
from fake_idp import Provider  # noqa: E402  pylint: disable=wrong-import-position
from server_harness import PASSWORD, Device, Server, Signer, ready_device, swu_of  # noqa: E402  pylint: disable=wrong-import-position


class Stage:
    def __init__(self, server):
        self.server, self.devices = server, {}
        self.signer = Signer(server.folder)
        self.provider = None

    def do_set_up(self):
        self.server.set_up()
        return {"user": "admin", "password": PASSWORD}

    def do_device(self, name, **more):
        self.devices[name] = ready_device(self.server, name, **more)

    def do_devices(self, prefix, count):
        """Many devices that only exist."""
        def one(number):
            assert Device(self.server, f"{prefix}{number:03}").enrol(self.server.enrolment_secret())
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            list(pool.map(one, range(count)))

    def do_stranger(self, name, **more):
        device = self.devices[name] = Device(self.server, name, **more)
        return device.enrol()

    def do_accepted(self, name):
        """Whether the device gets in now."""
        return self.devices[name].enrol()

    def do_enrol_with(self, name, token, **more):
        device = self.devices[name] = Device(self.server, name, **more)
        return device.enrol(token.split(".")[0])

    def do_bundle(self, version, size_bytes=4096, **more):
        """Writes a bundle as a file; its path."""
        path = self.server.folder / f"{version}.aloft"
        path.write_bytes(self.signer.bundle(version, os.urandom(size_bytes), **more))
        return str(path)

    def do_swu(self, version):
        """Writes a file of SWUpdate's; its path."""
        path = self.server.folder / f"{version}.swu"
        path.write_bytes(swu_of(version))
        return str(path)

    def do_release(self, version, **more):
        return self.server.operator("POST", "/api/v1/releases", pathlib.Path(self.do_bundle(version, **more)).read_bytes())

    def do_api(self, method, path, body=None):
        return self.server.operator(method, path, body) or None

    def do_poll(self, name):
        device = self.devices[name]
        if not device.headers:
            device.authenticate()
        status, _, data = device.poll()
        return data if status == 200 else None

    def do_report(self, name, deployment, state, **more):
        """What a device says of its update; committed means that the new version runs."""
        if "version" in more:
            self.devices[name].version = more.pop("version")
        return self.devices[name].report(deployment, state, **more)

    def do_inventory(self, name, attributes):
        self.server.call("PUT", "/api/device/v1/inventory", {"attributes": attributes}, headers=self.devices[name].headers)

    def do_vitals(self, name, **vitals):
        self.server.call("PUT", "/api/device/v1/vitals", {"last_boot": "requested", **vitals}, headers=self.devices[name].headers)

    def do_log(self, name, deployment, text):
        self.server.call("PUT", f"/api/device/v1/deployments/{deployment}/log", text.encode(), headers=self.devices[name].headers)

    def do_authority(self, name):
        """Writes who issues devices' certificates, and a revocation list of it, as files; their paths."""
        from ddi_certificates_e2e import Authority, revocation_list  # pylint: disable=import-outside-toplevel
        authority = Authority(self.server.folder, name)
        revoked = self.server.folder / f"{name}.crl"
        revoked.write_text(revocation_list(authority))
        return {"certificate": str(authority.certificate), "key": str(authority.key), "list": str(revoked)}

    def do_provider(self, **wishes):
        """The server again, with an identity provider that shows people a page; wishes: claims, forge, denial of its next tokens."""
        url = f"https://127.0.0.1:{self.server.port}"
        if self.provider is None:
            self.provider = Provider(self.server.folder, url + "/api/v1/sso/callback")
            self.server.stop()
            self.server.arguments += ["--url", url, "--sso", str(self.provider.settings(self.server.folder))]
            self.server.start(self.server.port)
        self.provider.person = None
        for name, value in wishes.items():
            setattr(self.provider, name, value)
        return self.provider.complaints

    def do_restart(self):
        self.server.stop()
        self.server.start(self.server.port)

    def do_public_url(self, url):
        """The server again, told by its operator where people and devices reach it."""
        self.server.stop()
        self.server.arguments += ["--url", url]
        self.server.start(self.server.port)

    def do_stop(self):
        self.server.stop()

    def do_start(self):
        self.server.start(self.server.port)


def main():
    server = Server(arguments=["--tenant-domain", "localhost", *sys.argv[1:]])
    try:
        server.start()
        stage = Stage(server)
        print(json.dumps({"url": f"https://127.0.0.1:{server.port}", "setup": server.setup_token}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            try:
                answer = {"ok": getattr(stage, "do_" + command.pop("do"))(**command)}
            except Exception as error:  # pylint: disable=broad-except
                answer = {"error": repr(error)}
            print(json.dumps(answer), flush=True)
    finally:
        server.destroy()


if __name__ == "__main__":
    main()
