#!/usr/bin/env python3
"""kill -9 in the middle of what concerns many devices, on the real server: whatever was begun is complete after the next start, or was never
there, and nothing happened twice. The kills are between pieces: the test watches the database."""
import contextlib
import http.client
import os
import pathlib
import sqlite3
import sys
import threading
import time

from server_harness import Refused, Server, Signer, run

sys.path.insert(0, str(pathlib.Path(os.environ.get("ALOFT_SOURCE", pathlib.Path(__file__).resolve().parent.parent)) / "bench"))
from crowd import fill  # noqa: E402

DEVICES = 12_000
PIECE = 1000  # fleet/rollout_store.hpp


@contextlib.contextmanager
def site():
    server = Server()
    try:
        server.start().set_up()
        signer = Signer(server.folder)
        release = server.operator("POST", "/api/v1/releases", signer.bundle("2", b"2" * 4000))
        assert server.stop() == 0
        fill(server.folder, DEVICES)
        yield server.start(server.port), release
    finally:
        server.destroy()


def ask(server, query, *values):
    with contextlib.closing(sqlite3.connect(f"file:{server.folder}/data/fleet.db?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(query, values).fetchone()[0]


def kill_when(server, begun, order):
    """Gives the order, and kills the server as soon as `begun()` says so."""
    def give():
        with contextlib.suppress(OSError, Refused, http.client.HTTPException):
            order()
    thread = threading.Thread(target=give)
    thread.start()
    deadline = time.monotonic() + 60
    while not begun():
        assert time.monotonic() < deadline, "the order is not carried out"
    server.kill()
    thread.join()


def until(what, within_s=60):
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "it does not go on by itself"
        time.sleep(0.1)


def counts(server, rollout):
    return server.operator("GET", f"/api/v1/rollouts/{rollout}")["counts"]


def make(server, release):
    return server.operator("POST", "/api/v1/rollouts", {"name": "n", "release": release["id"], "filter": "name==dev-*"}, timeout=60)


def case_a_rollout_that_is_being_made_is_complete_after_the_next_start():
    with site() as (server, release):
        members = "SELECT count(*) FROM rollout_devices WHERE rollout=?"
        halves = 0
        for number, pieces in enumerate((0, 1, 4, 9), 1):
            present = "SELECT count(*) FROM rollouts WHERE id=?"
            kill_when(server, lambda: ask(server, present, number) and ask(server, members, number) >= pieces * PIECE,
                      lambda: make(server, release))
            halves += ask(server, members, number) < DEVICES
            server.start(server.port)
            until(lambda: server.operator("GET", f"/api/v1/rollouts/{number}")["state"] == "ready")
            assert counts(server, number)["waiting"] == DEVICES
            assert ask(server, members, number) == DEVICES
            server.operator("POST", f"/api/v1/rollouts/{number}/abort", {})
        print(f"     {halves} of 4 kills were in the middle")
        assert halves >= 2, "the kills came too late to show anything"


def case_an_abort_is_complete_after_the_next_start():
    with site() as (server, release):
        rollout = make(server, release)["id"]
        server.operator("POST", f"/api/v1/rollouts/{rollout}/start", {})
        until(lambda: counts(server, rollout)["offered"] == DEVICES, 120)
        withdrawn = "SELECT count(*) FROM deployments WHERE NOT active"
        kill_when(server, lambda: ask(server, withdrawn) > 0, lambda: server.operator("POST", f"/api/v1/rollouts/{rollout}/abort", {}, timeout=60))
        before = ask(server, withdrawn)
        server.start(server.port)
        until(lambda: counts(server, rollout)["cancelled"] == DEVICES)
        print(f"     {before} of {DEVICES} were withdrawn at the kill")
        assert ask(server, "SELECT count(*) FROM deployments WHERE active") == 0
        assert ask(server, "SELECT count(*) FROM transitions WHERE state=12") == DEVICES, "a withdrawal was noted twice"


def case_a_group_that_is_being_changed_is_the_old_one_after_the_next_start():
    with site() as (server, _):
        server.operator("POST", "/api/v1/groups", {"name": "g", "filter": "name==dev-0000001"})
        change = {"description": "", "filter": "name==dev-*"}
        drafted = "SELECT count(*) FROM group_members WHERE device_group IN (SELECT id FROM device_groups WHERE name LIKE '.draft-%')"
        kill_when(server, lambda: ask(server, drafted) > 0, lambda: server.operator("PUT", "/api/v1/groups/g", change, timeout=60))
        server.start(server.port)
        until(lambda: ask(server, "SELECT count(*) FROM device_groups") == 1)
        group = server.operator("GET", "/api/v1/groups/g")
        assert (group["device_count"], group["filter"]) in ((1, "name==dev-0000001"), (DEVICES, "name==dev-*")), group
        assert ask(server, "SELECT count(*) FROM group_members") == group["device_count"]
        assert server.operator("PUT", "/api/v1/groups/g", change, timeout=60)["device_count"] == DEVICES


if __name__ == "__main__":
    run(globals())
