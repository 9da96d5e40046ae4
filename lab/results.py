"""What was played on which machine and how it ended, kept from run to run: FOLDER/MACHINE/STORY.json, of each story the last time.

A result holds for the agent that it was played with: it is named by the digest of its program, so that a changed one has everything before it.
"""
import contextlib
import fcntl
import json
import subprocess
import time

import cache
import machine
import machines
import programs
import stories

AGENT_DIGITS = 12
NEVER, OLDER = "not played", "with another agent"


def agent(model):
    return cache.file_digest(programs.program("aloftd", model.architecture))[:AGENT_DIGITS]


def source():
    """The commit that is checked out, with a + behind it if files differ; empty outside of a repository."""
    told = subprocess.run(["git", "-C", cache.HERE, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"], capture_output=True, text=True)
    return told.stdout.strip()


def keep(folder, model, story, seconds, outcome):
    """outcome: what the story returned, or the Failure it ended with."""
    path = folder / model.name / f"{story}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {"ok": not isinstance(outcome, machine.Failure), "seconds": round(seconds), "outcome": str(outcome), "agent": agent(model), "source": source(),
              "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(result, indent=2) + "\n")
    fresh.rename(path)


def of(folder, model):
    """{story: its last result, or nothing} of all that the machine can tell."""
    paths = {story: folder / model.name / f"{story}.json" for story in stories.of(model)}
    return {story: json.loads(path.read_text()) if path.is_file() else None for story, path in paths.items()}


def missing(folder, model):
    """The stories that have not come true with the agent as it is built now."""
    now = agent(model)
    return [story for story, result in of(folder, model).items() if not (result and result["ok"] and result["agent"] == now)]


def everything(folder):
    """One row for each story of each machine; the agent is built first for a machine whose processor the host has not."""
    rows = []
    for model in machines.ALL.values():
        now = agent(model)
        for story, result in of(folder, model).items():
            state = NEVER if not result else "FAILED" if not result["ok"] else "ok" if result["agent"] == now else OLDER
            rows.append({"machine": model.name, "story": story, "result": state, **(result or {})})
    return rows


@contextlib.contextmanager
def alone(folder, name):
    """True if nobody else plays this machine by way of a lab that plays several."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
