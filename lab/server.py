"""A real aloft-server on the host's loopback, and an operator who uses it with the command line tool aloft."""
import json
import pathlib
import re
import signal
import subprocess
import time

import machine
import programs

USER, PASSWORD = "lab", "only for this lab"
LOOKS, TIMEOUT = 4, "E7007"


class Server:
    """Started by the constructor with an empty store, on a free port; set up with one administrator. It makes deltas only where a story is about
    them: making one would take the emulated machine's time."""

    def __init__(self, folder, outlives_us=False):
        self.folder, self.outlives_us = folder, outlives_us
        self.log, self.operator = folder / "server.log", {"XDG_CONFIG_HOME": str(folder / "operator")}
        self.start(0, "off")
        self.port, token = self.first_words()
        self.url = f"https://127.0.0.1:{self.port}"
        self.aloft("login", self.url, "--user", USER, "--setup", token, "--password-stdin", input=f"{PASSWORD}\n")

    def start(self, port, deltas):
        with open(self.log, "ab") as log:
            command = [str(programs.program("aloft-server")), "--data", str(self.folder / "server"), "--listen", f"127.0.0.1:{port}",
                       "--trust", str(programs.keys() / "trust"), "--deltas", deltas]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                            env=programs.environment({}),
                                            preexec_fn=None if self.outlives_us else machine.die_with_parent)

    def restart(self, deltas):
        """On the same port, with the same store; devices come back by themselves."""
        self.stop()
        self.start(self.port, deltas)
        deadline = time.monotonic() + 30
        while True:
            try:
                return self.ask("device", "list")
            except machine.Failure:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.2)

    def first_words(self):
        """Its port, and the token of the one-time link that the first start prints."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if match := re.search(r"open https://\S+:(\d+)/setup#(\S+)\n", self.log.read_text(errors="replace")):
                return int(match[1]), match[2]
            time.sleep(0.05)
        raise machine.Failure(f"aloft-server printed no one-time link; see {self.log}")

    def aloft(self, *arguments, input=None):
        """What the tool printed."""
        command = [str(word) for word in (programs.program("aloft"), *arguments)]
        done = subprocess.run(command, input=input, capture_output=True, text=True, env=programs.environment(self.operator))
        if done.returncode != 0:
            raise machine.Failure(f"aloft {' '.join(command[1:])} failed with status {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def ask(self, *arguments):
        return json.loads(self.aloft(*arguments, "--json"))

    def look(self, *arguments):
        """As ask(), for what changes nothing: a busy host's timeouts are no answer, and it is asked again."""
        for _ in range(LOOKS - 1):
            try:
                return self.ask(*arguments)
            except machine.Failure as failure:
                if TIMEOUT not in str(failure):
                    raise
        return self.ask(*arguments)

    def enrolment_token(self):
        return self.ask("enrol-token", "create", "--note", "lab")["token"]

    def upload(self, bundle):
        """Returns the release that the server made of the bundle."""
        return self.ask("release", "upload", bundle)

    def made_delta(self, release, version, timeout_s=300):
        """The delta from the version to the release, once the server has made it by itself."""
        deadline = time.monotonic() + timeout_s
        while True:
            deltas = self.ask("release", "delta", "list", release["id"])["deltas"]
            for delta in deltas:
                if delta["from_version"] == version and "size_bytes" in delta:
                    return delta
            if time.monotonic() > deadline or any("problem" in delta for delta in deltas):
                raise machine.Failure(f"the server made no delta from {version}: {deltas}")
            time.sleep(0.5)

    def deploy(self, release, device):
        """Returns the new deployment's number."""
        return self.ask("deploy", "--release", release["id"], "--device", device)["deployments"][0]["id"]

    def device(self, name):
        """What the server knows of a device; None before it enrolled."""
        return next((device for device in self.look("device", "list") if device["name"] == name), None)

    def watch(self, number, out):
        """A process that writes the deployment's transitions to the file `out`, one JSON a line, until the last."""
        command = [str(programs.program("aloft")), "watch", str(number), "--json"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                env=programs.environment(self.operator), preexec_fn=machine.die_with_parent)

    def threads(self):
        """Where in the kernel each of its threads waits."""
        return [(task / "wchan").read_text() for task in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*")]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

