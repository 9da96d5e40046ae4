#!/usr/bin/env python3
"""The real aloft against the real aloft-server: log in, upload, let devices in, deploy, watch."""
import fcntl
import json
import os
import pathlib
import pty
import signal
import stat
import subprocess
import sys
import termios
import threading
import time

from ddi_e2e import Authority
from server_harness import PASSWORD, Device, Server, Signer, ready_device, swu_of

ALOFT = pathlib.Path(os.environ.get("ALOFT_BUILD", "build/dev")) / "src/cli/aloft"


class Operator:
    """A shell of its own: nothing of the caller's environment but the path."""

    def __init__(self, server):
        self.server = server
        self.environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(server.folder / "config")}
        self.credentials = server.folder / "config/aloft/credentials.json"

    def run(self, *words, status=0, text="", **environment):
        done = subprocess.run([ALOFT, *(str(word) for word in words)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, start_new_session=True)
        assert done.returncode == status, f"aloft {words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout if status == 0 else done.stderr

    def json(self, *words):
        return json.loads(self.run(*words, "--json"))

    def url(self):
        return f"https://127.0.0.1:{self.server.port}"


def first_login(server):
    operator = Operator(server)
    operator.run("login", operator.url(), "--setup", server.setup_token, "--password-stdin", text=PASSWORD + "\n")
    server.admin = {"Authorization": "Bearer " + json.loads(operator.credentials.read_text())["token"]}
    return operator


def case_login_pins_the_certificate_that_the_setup_token_names(server):
    operator = Operator(server)
    assert "E10050 not-logged-in" in operator.run("device", "list", status=1)
    secret, fingerprint = server.setup_token.split(".")
    wrong = "0" * 64
    assert "E7004" in operator.run("login", operator.url(), "--setup", f"{secret}.{wrong}", "--password-stdin", status=1, text=PASSWORD + "\n")
    assert not operator.credentials.exists()
    operator = first_login(server)
    assert stat.S_IMODE(operator.credentials.stat().st_mode) == 0o600
    saved = json.loads(operator.credentials.read_text())
    assert saved["certificate_sha256"] == fingerprint == server.fingerprint and PASSWORD not in operator.credentials.read_text()
    assert "E9064" in operator.run("login", operator.url(), "--setup", server.setup_token, "--password-stdin", status=1, text=PASSWORD + "\n")


def case_a_login_that_cannot_be_kept_is_not_begun(server):
    operator = Operator(server)
    for status, nowhere in ((2, {"XDG_CONFIG_HOME": ""}), (2, {"XDG_CONFIG_HOME": "config"}), (2, {"XDG_CONFIG_HOME": "", "HOME": "here"}), (1, {"XDG_CONFIG_HOME": "/proc/none"})):
        operator.run("login", operator.url(), "--setup", server.setup_token, "--password-stdin", status=status, text=PASSWORD + "\n", **nowhere)
    assert not pathlib.Path("config/aloft").exists() and not pathlib.Path("here").exists()
    first_login(server)  # with the token, which is good for once


def case_devices_of_hawkbits_protocol_get_their_tokens(server):
    operator = first_login(server)
    token = operator.run("ddi", "add", "cam-01", "--product", "p", "--hardware", "h").strip()
    taken = operator.run("ddi", "gateway", "add", "--product", "p", "--hardware", "h", "--token-stdin", text="taken-from-hawkbit-0815\n").strip()
    assert taken == "taken-from-hawkbit-0815" and len(token) == 43

    def poll(kind, secret, name="cam-01"):
        return server.call("GET", f"/default/controller/v1/{name}", headers={"Authorization": f"{kind} {secret}"})

    assert "every 300 s, as servers do that nobody has told otherwise" in operator.run("ddi", "poll")
    assert "every 7 s, each from its next poll on" in operator.run("ddi", "poll", 7)
    assert "every 7 s, as somebody has set it" in operator.run("ddi", "poll")
    assert operator.json("ddi", "poll") == {"poll_s": 7, "by_default": False}
    assert poll("TargetToken", token)["config"]["polling"]["sleep"] == "00:00:07" and poll("GatewayToken", taken, "cam-02")
    assert "cam-02" in operator.run("device", "list")
    new = operator.json("ddi", "token", "cam-01")["token"]
    assert poll("TargetToken", new)
    operator.run("ddi", "ask", "cam-01")
    listed = operator.run("ddi", "gateway", "list")
    assert taken not in listed and " p " in listed
    operator.run("ddi", "gateway", "remove", 1)
    assert "E9048" in operator.run("ddi", "gateway", "remove", 1, status=1)


def case_authorities_of_devices_certificates_are_set(server):
    operator = first_login(server)
    authority = Authority(server.folder, "devices-ca")
    leaf, key = authority.issue("/CN=cam-01")
    assert "CN=devices-ca" in operator.run("ddi", "authority", "set", authority.certificate)
    shown = operator.json("ddi", "authority", "list")
    assert [a["subject"] for a in shown["authorities"]] == ["CN=devices-ca"] and shown["authorities"][0]["sha256"] in operator.run("ddi", "authority", "list")
    assert "E2016" in operator.run("ddi", "authority", "set", leaf, status=1)
    assert "private key" in operator.run("ddi", "authority", "set", key, status=2)
    assert operator.json("ddi", "authority", "list") == shown
    operator.run("ddi", "authority", "remove")
    assert operator.json("ddi", "authority", "list")["authorities"] == []


def case_files_of_swupdate_are_uploaded_and_shown(server):
    operator = first_login(server)
    file = server.folder / "x.swu"
    file.write_bytes(swu_of("1.5"))
    assert "E3405" in operator.run("release", "upload", file, "--product", "gateway", status=1)
    release = operator.json("release", "upload", file, "--product", "gateway", "--hardware", "rev-a", "--hardware", "rev-b")
    assert (release["format"], release["version"], release["hardware"]) == ("swu", "1.5", ["rev-a", "rev-b"])
    shown = operator.run("release", "show", release["id"])
    assert "/dev/mmcblk0p2" in shown and "INSIDE" in shown, shown


def case_a_later_login_asks_for_the_fingerprint_or_takes_it(server):
    operator = first_login(server)
    operator.run("logout")
    assert not operator.credentials.exists()
    unknown = operator.run("login", operator.url(), "--password-stdin", status=1, text=PASSWORD + "\n")
    assert "E10051" in unknown and "--fingerprint" in unknown
    bad = operator.run("login", operator.url(), "--fingerprint", server.fingerprint, "--password-stdin", status=1, text="wrong password\n")
    assert "E9061" in bad
    operator.run("login", operator.url(), "--fingerprint", server.fingerprint.upper(), "--password-stdin", text=PASSWORD + "\n")
    assert operator.json("device", "list") == []


def case_environment_serves_ci(server):
    first_login(server)
    saved = json.loads(Operator(server).credentials.read_text())
    operator = Operator(server)
    operator.credentials.unlink()
    environment = {"ALOFT_SERVER": operator.url(), "ALOFT_TOKEN": saved["token"], "ALOFT_FINGERPRINT": server.fingerprint}
    assert "DEVICE" in operator.run("device", "list", **environment)
    assert "E7003" in operator.run("device", "list", status=1, **{**environment, "ALOFT_FINGERPRINT": ""})
    assert "E7016" in operator.run("device", "list", status=1, **{**environment, "ALOFT_TOKEN": "x" * 43})


def uploaded(operator, version="2", content=b"\x5a" * 700_000):
    bundle = operator.server.folder / f"{version}.aloft"
    bundle.write_bytes(Signer(operator.server.folder).bundle(version, content))
    return operator.json("release", "upload", bundle)


def case_releases_are_uploaded_listed_and_refused(server):
    operator = first_login(server)
    release = uploaded(operator)
    assert release["version"] == "2" and release["product"] == "lab-gateway"
    assert "it was there already" in operator.run("release", "upload", server.folder / "2.aloft")
    assert [one["id"] for one in operator.json("release", "list")] == [release["id"]]
    assert operator.json("release", "list", "--product", "other") == []
    assert release["sha256"] in operator.run("release", "show", release["id"])
    broken = bytearray((server.folder / "2.aloft").read_bytes())
    broken[-1] ^= 1
    (server.folder / "broken.aloft").write_bytes(broken)
    assert "E7010" in operator.run("release", "upload", server.folder / "broken.aloft", status=1)
    assert len(operator.json("release", "list")) == 1


def case_devices_are_accepted_and_rejected(server):
    operator = first_login(server)
    device = Device(server, "cam-7")
    assert device.enrol() is False
    assert [(one["name"], one["status"]) for one in operator.json("device", "list", "--status", "pending")] == [("cam-7", "pending")]
    assert "cam-7 is accepted" in operator.run("device", "accept", "cam-7")
    assert operator.json("device", "show", "cam-7")["status"] == "accepted"
    assert "cam-7 is rejected" in operator.run("device", "reject", "cam-7")
    assert "E7010" in operator.run("device", "show", "nobody", status=1)
    assert "E1008" in operator.run("device", "show", "../login", status=2)
    secret, fingerprint = operator.run("enrol-token", "create", "--note", "bench").strip().split(".")
    assert fingerprint == server.fingerprint
    assert Device(server, "cam-8").enrol(secret) is True
    assert "cam-8" in operator.run("enrol-token", "list")
    operator.run("enrol-token", "create")
    assert [line.split()[2:4] for line in operator.run("enrol-token", "list").splitlines()[1:]][0][0] == "until"
    assert " used " in operator.run("enrol-token", "list")


def device_that(server, name, *states):
    """A device that reports these states, once it is given a deployment."""
    device = ready_device(server, name)

    def live():
        tag = None
        while True:
            status, tag, answer = device.poll(tag, wait=10)
            if status == 200 and answer.get("deployment"):
                break
        for state, more in states:
            device.report(answer["deployment"]["id"], state, **more)

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    return thread


def case_watch_succeeds_only_when_committed(server):
    operator = first_login(server)
    release = uploaded(operator)
    good = [("accepted", {}), ("installing", {"progress_permille": 10}), ("installing", {"progress_permille": 900}), ("committed", {})]
    bad = [("on-trial", {}), ("rolled-back", {"error": 6002, "message": "the check net\x1b[2J failed"})]
    thread = device_that(server, "cam-1", *good)
    shown = operator.run("deploy", "--version", "2", "--device", "cam-1", "--watch", "--timeout", "30")
    thread.join(10)
    states = [line.split()[3] for line in shown.splitlines()[1:]]
    assert states == ["offered", "accepted", "installing", "committed"], shown
    thread = device_that(server, "cam-2", *bad)
    made = operator.json("deploy", "--release", release["id"], "--device", "cam-2")["deployments"]
    error = operator.run("watch", made[0]["id"], "--timeout", "30", status=1)
    thread.join(10)
    assert "E10052 not-committed" in error and "rolled-back  E6002 the check net?[2J failed" in error, error
    lines = subprocess.run([ALOFT, "watch", str(made[0]["id"]), "--json"], capture_output=True, text=True, env=operator.environment, timeout=30).stdout
    assert [json.loads(line)["state"] for line in lines.splitlines()] == ["offered", "on-trial", "rolled-back", "rolled-back"]
    assert "rolled-back  E6002" in operator.run("deployment", "show", made[0]["id"])
    assert "cam-2" in operator.run("deployment", "list")


def case_deployments_are_cancelled_and_logs_read(server):
    operator = first_login(server)
    uploaded(operator)
    device = ready_device(server, "cam-1")
    deployment = operator.json("deploy", "--version", "2", "--device", "cam-1")["deployments"][0]["id"]
    assert "E7010" in operator.run("deploy", "--version", "2", "--device", "cam-1", status=1)
    assert [one["id"] for one in operator.json("deployment", "list", "--active", "--device", "cam-1")] == [deployment]
    assert "E10054" in operator.run("watch", deployment, "--timeout", "1", status=1)
    assert "cancelled" in operator.run("deployment", "cancel", deployment)
    assert operator.json("deployment", "list", "--active") == []
    server.call("PUT", f"/api/device/v1/deployments/{deployment}/log", b"line one\n", headers={**device.headers, "Content-Type": "text/plain"})
    assert operator.run("deployment", "log", deployment) == "line one\n"


def case_api_tokens_open_until_they_are_revoked(server):
    operator = first_login(server)
    secret = operator.run("token", "create", "--note", "ci").strip()
    short = operator.json("token", "create", "--note", "short", "--expires-days", "3")
    assert short["token"] and short["expires_ms"] - short["created_ms"] == 3 * 24 * 3600 * 1000
    listed = operator.json("token", "list")["tokens"]
    assert [(one["kind"], one["note"]) for one in listed][1:] == [("api", "ci"), ("api", "short")], listed
    assert listed[0]["current"] and listed[0]["client"] == "aloft" and listed[0]["address"] == "127.0.0.1" and listed[0]["used_ms"] >= listed[0]["created_ms"]
    assert "session, this one" in operator.run("token", "list")
    assert "token" not in listed[1] and secret not in operator.run("token", "list") and "never" in operator.run("token", "list")
    ci = Operator(server)
    ci.environment = {"PATH": os.environ["PATH"], "ALOFT_SERVER": ci.url(), "ALOFT_TOKEN": secret, "ALOFT_FINGERPRINT": server.fingerprint}
    ci.run("device", "list")
    decided = {"ALOFT_SERVER": ci.url(), "ALOFT_TOKEN": secret}
    assert "ALOFT_TOKEN are set" in operator.run("logout", status=2, **decided)
    ci.run("device", "list")
    operator.run("device", "list")
    assert "no longer opens" in operator.run("token", "revoke", listed[1]["id"])
    assert "E7016" in ci.run("device", "list", status=1)
    assert "caf\N{REPLACEMENT CHARACTER}" == operator.json("token", "create", "--note", os.fsdecode(b"caf\xe9"))["note"]
    assert "you have no token 4711" in operator.run("token", "revoke", 4711, status=1)


def case_a_release_is_named_by_number_or_version(server):
    operator = first_login(server)
    release = uploaded(operator)
    for name in ("cam-1", "cam-2", "cam-3"):
        ready_device(server, name)
    assert operator.json("deploy", "--release", release["id"], "--device", "cam-1")["deployments"][0]["version"] == release["version"]
    uploaded(operator, "2.1-rc1", b"x" * 5000)
    assert operator.json("deploy", "--release", "2.1-rc1", "--device", "cam-2")["deployments"][0]["version"] == "2.1-rc1"
    other = server.folder / "other.aloft"
    other.write_bytes(Signer(server.folder).bundle("2.1-rc1", b"y" * 5000, product="toaster"))
    operator.run("release", "upload", other)
    told = operator.run("deploy", "--release", "2.1-rc1", "--device", "cam-3", status=1)
    assert "several releases have version 2.1-rc1" in told and "(toaster)" in told and "--product" in told, told
    made = operator.json("deploy", "--release", "2.1-rc1", "--product", "lab-gateway", "--device", "cam-3")["deployments"]
    assert made[0]["version"] == "2.1-rc1"
    assert "no release has version 9.9-none" in operator.run("deploy", "--release", "9.9-none", "--device", "cam-3", status=1)


def case_a_group_keeps_what_is_not_changed(server):
    operator = first_login(server)
    operator.run("group", "create", "hand", "--description", "Chosen")
    operator.run("group", "create", "beta", "--description", "The brave", "--filter", "tag==beta")
    assert operator.json("group", "change", "hand")["description"] == "Chosen"
    for options, description, chosen in (
        (["--filter", "tag==gamma"], "The brave", "tag==gamma"),
        (["--description", "The few"], "The few", "tag==gamma"),
        (["--description", ""], "", "tag==gamma"),
    ):
        group = operator.json("group", "change", "beta", *options)
        assert (group["description"], group["filter"]) == (description, chosen), group


def case_a_password_question_leaves_the_terminal_as_it_was(server):
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, None):
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        client = subprocess.Popen([ALOFT, "login", "http://127.0.0.1:1"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                  env=Operator(server).environment, preexec_fn=lambda terminal=slave: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0))
        asked = b""
        while b"Password of admin: " not in asked:
            asked += os.read(master, 1000)

        def await_echo(shown, terminal=slave):
            deadline = time.monotonic() + 20
            while bool(termios.tcgetattr(terminal)[3] & termios.ECHO) != shown:
                assert time.monotonic() < deadline, shown
                time.sleep(0.01)

        await_echo(False)
        client.send_signal(signal.SIGTSTP)
        os.waitpid(client.pid, os.WUNTRACED)
        await_echo(True)
        client.send_signal(signal.SIGCONT)
        await_echo(False)
        client.send_signal(end) if end else os.write(master, b"a password\n")
        client.communicate(timeout=20)
        assert client.returncode == (-end if end else 1), client.returncode
        assert termios.tcgetattr(slave) == before, end
        os.close(master)
        os.close(slave)


def case_wrong_usage_is_told_apart(server):
    operator = Operator(server)
    operator.run("deploy", "--device", "cam-1", status=2)
    operator.run("deploy", "--release", "1", "--version", "2", "--device", "cam-1", status=2)
    operator.run("watch", "seven", status=2)
    for words in (["login"], ["release", "upload"], ["deploy"], ["watch"], ["enrol-token", "create"], ["token", "create"]):
        assert "--help" in operator.run(*words, "--help")


def main():
    cases = [value for name, value in globals().items() if name.startswith("case_") and (len(sys.argv) < 2 or sys.argv[1] in name)]
    for case in cases:
        server = Server().start()
        try:
            case(server)
            print("passed", case.__name__)
        finally:
            server.destroy()


if __name__ == "__main__":
    main()
