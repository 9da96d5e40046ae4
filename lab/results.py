"""What was played on which machine and how it ended, kept from run to run: FOLDER/MACHINE/STORY.json, of each story the last time.

A result holds for the software that it was played with: what of this project is on the device, named by a digest, so that a change there has
everything before it.
"""
import contextlib
import fcntl
import hashlib
import json
import subprocess
import time

import cache
import cross
import kernel
import machine
import machines
import programs
import rootfs
import stories

DIGITS = 12
INTEGRATION = cache.HERE.parent / "integration"
NEVER, OLDER = "not played", "with other software"


def software(model):
    """The digest: of the programs, of what integrators get for boot loader, initramfs and services, of the initramfs' script, and of the settings."""
    folders = [INTEGRATION / name for name in (f"bootloader/{model.loader.name}", "bootloader/efi", "initramfs", "systemd", "sysv")]
    files = [programs.program(name, model.architecture) for name in cross.PROGRAMS] + [path for folder in folders for path in sorted(folder.iterdir())]
    made_from = [[cache.file_digest(path) for path in files], kernel.INIT, model.kernel_arguments(), rootfs.own_files(model)]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:DIGITS]


def source():
    """The commit that is checked out, with a + behind it if files differ; empty outside of a repository."""
    told = subprocess.run(["git", "-C", cache.HERE, "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"], capture_output=True, text=True)
    return told.stdout.strip()


def keep(folder, model, story, seconds, outcome):
    """outcome: what the story returned, or the Failure it ended with."""
    path = folder / model.name / f"{story}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    result = {"ok": not isinstance(outcome, machine.Failure), "seconds": round(seconds), "outcome": str(outcome), "software": software(model), "source": source(),
              "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(result, indent=2) + "\n")
    fresh.rename(path)


def of(folder, model):
    """{story: its last result, or nothing} of all that the machine can tell."""
    paths = {story: folder / model.name / f"{story}.json" for story in stories.of(model)}
    return {story: json.loads(path.read_text()) if path.is_file() else None for story, path in paths.items()}


def missing(folder, model):
    """The stories that have not come true with the software as it is now."""
    now = software(model)
    return [story for story, result in of(folder, model).items() if not (result and result["ok"] and result.get("software") == now)]


def everything(folder):
    """One row for each story of each machine; the device's programs are built first for a machine whose processor the host has not."""
    rows = []
    for model in machines.ALL.values():
        now = software(model)
        for story, result in of(folder, model).items():
            state = NEVER if not result else "FAILED" if not result["ok"] else "ok" if result.get("software") == now else OLDER
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
