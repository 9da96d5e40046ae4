"""A real aloft-server on the host's loopback, and what an operator asks of it."""
import json
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import machine
import programs

USER, PASSWORD = "lab", "only for this lab"


class Server:
    """Started by the constructor with an empty store, on a free port; set up with one administrator."""

    def __init__(self, folder, outlives_us=False):
        self.folder, self.log = folder, folder / "server.log"
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        with open(self.log, "ab") as log:
            command = [str(programs.program("aloft-server")), "--data", str(folder / "server"), "--listen", f"127.0.0.1:{self.port}"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            preexec_fn=None if outlives_us else machine.die_with_parent)
        self.tls = ssl._create_unverified_context()
        self.token = None
        self.token = self.api("POST", "/api/v1/setup", {"token": self.first_token(), "user": USER, "password": PASSWORD})["token"]

    def first_token(self):
        """From the one-time link that the first start prints."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if match := re.search(r"https://\S+/setup#(\S+)", self.log.read_text(errors="replace")):
                return match[1]
            time.sleep(0.05)
        raise machine.Failure(f"aloft-server printed no one-time link; see {self.log}")

    def api(self, method, path, body=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        return self.ask(urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode(), headers, method=method))

    def ask(self, request):
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.tls) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise machine.Failure(f"{request.method} {request.selector}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if text else None

    def upload(self, bundle):
        """Returns the release that the server made of the bundle."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(bundle.stat().st_size), "Authorization": f"Bearer {self.token}"}
        with open(bundle, "rb") as body:
            return self.ask(urllib.request.Request(self.url + "/api/v1/releases", body, headers, method="POST"))

    def deploy(self, release, device):
        """Returns the new deployment's number."""
        return self.api("POST", "/api/v1/deployments", {"release": release["id"], "devices": [device]})["deployments"][0]["id"]

    def device(self, name):
        """What the server knows of a device; None before it enrolled."""
        return next((device for device in self.api("GET", "/api/v1/devices")["devices"] if device["name"] == name), None)

    def deployment(self, number):
        return self.api("GET", f"/api/v1/deployments/{number}")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
