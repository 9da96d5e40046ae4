#!/usr/bin/env python3
"""Installing a 512 MiB image from a local bundle onto a block device, beside dd, swupdate and rauc doing the same job: docs/benchmarks.md."""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import contestants
import image
from arguments import at_least, understood

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/bench"
MIB = 1 << 20
TARGETS = [  # name, how to read it, the bound, what it is
    ("dd_ratio", lambda v: v >= 0.7, "at least 0.7"),
    ("aloft_s", lambda v: True, "less than swupdate_s and rauc_s"),
    ("peak_rss_mib", lambda v: v <= 32, "at most 32"),
    ("idle_rss_mib", lambda v: v <= 8, "at most 8"),
    ("stripped_bytes", lambda v: v <= 2_000_000, "at most 2000000"),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Target:
    """A loop device over a file of 512 MiB, under a name that stays the same."""

    def __init__(self, folder):
        self.backing, self.name = folder / "target.img", folder / "target"
        with open(self.backing, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, image.IMAGE_BYTES)
        self.device = subprocess.run(["losetup", "-f", "--show", self.backing], check=True, capture_output=True, text=True).stdout.strip()
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(self.device)

    def fill(self, source):
        """The old system stands on it, flushed, and nothing of it or of any source is in memory."""
        with open(source, "rb") as old, open(self.device, "r+b", buffering=0) as new:
            while block := old.read(MIB):
                new.write(block)
            os.fsync(new.fileno())
        os.sync()
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")

    def flush(self):
        with open(self.device, "r+b", buffering=0) as device:
            os.fsync(device.fileno())

    def close(self):
        subprocess.run(["losetup", "-d", self.device], check=False)
        self.name.unlink(missing_ok=True)
        self.backing.unlink(missing_ok=True)


def measure(contestant, target, old, digest):
    """Seconds from the request to content that survives a power cut. What a program leaves unflushed is flushed at its expense."""
    contestant.start()
    try:
        target.fill(old)
        began = time.monotonic()
        contestant.install()
        target.flush()
        seconds = time.monotonic() - began
    finally:
        contestant.finish()
    if image.sha256(target.device) != digest:
        raise SystemExit(f"bench: {contestant.name} left something else than the image")
    return seconds


def binary(preset, path):
    program = pathlib.Path(os.environ.get(f"ALOFT_BENCH_{preset.upper().replace('-', '_')}", ROOT / "build" / preset)) / path
    if not program.exists():
        raise SystemExit(f"bench: {program} is missing; run ./dev build {preset}")
    return program


def stripped_bytes(program):
    stripped = FOLDER / "aloftd.stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True)
    size = stripped.stat().st_size
    stripped.unlink()
    return size


def table(all_contestants, times):
    dd = statistics.median(times["dd"])
    rows = [("", "median s", "best s", "worst s", "MiB/s", "of dd's speed", "source MiB", "peak MiB")]
    for one in all_contestants:
        median = statistics.median(times[one.name])
        rows.append((one.name, f"{median:.2f}", f"{min(times[one.name]):.2f}", f"{max(times[one.name]):.2f}",
                     f"{image.IMAGE_BYTES / MIB / median:.0f}", f"{dd / median:.2f}", f"{one.source().stat().st_size / MIB:.0f}",
                     f"{one.peak_kib / 1024:.1f}" if one.peak_kib else "-"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def numbers(aloft, times, aloftd):
    median = {name: statistics.median(values) for name, values in times.items()}
    swupdate = min(value for name, value in median.items() if name.startswith("swupdate"))
    return {"dd_ratio": round(median["dd"] / median["aloft"], 3), "aloft_s": round(median["aloft"], 3), "swupdate_s": round(swupdate, 3),
            "rauc_s": round(median["rauc"], 3), "peak_rss_mib": round(aloft.peak_kib / 1024, 2), "idle_rss_mib": round(aloft.idle_kib / 1024, 2),
            "stripped_bytes": stripped_bytes(aloftd)}


def misses(result):
    found = [f"{name} is {result[name]}, not {bound}" for name, holds, bound in TARGETS if not holds(result[name])]
    if result["aloft_s"] >= min(result["swupdate_s"], result["rauc_s"]):
        found.append("aloft is not faster than both swupdate and rauc")
    return found


def main():
    parser = argparse.ArgumentParser(prog="./dev bench install", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--rounds", type=at_least(1), default=5, help="how often everyone installs (default 5)")
    arguments = parser.parse_args()
    understood()
    if os.geteuid() != 0:
        raise SystemExit("bench: loop devices need root")
    FOLDER.mkdir(parents=True, exist_ok=True)
    say("bench: making the image and what it is delivered as (kept in build/bench)")
    new, old = image.build(FOLDER)
    digest = image.sha256(new)
    aloftd, aloft_command = binary("release-small", "src/agent/aloftd"), binary("release", "src/cli/aloft")
    with contextlib.closing(Target(FOLDER)) as target:
        aloft = contestants.Aloft(FOLDER / "aloft", new, target.name, aloftd, aloft_command)
        everyone = [contestants.Dd(FOLDER / "dd", new, target.name), aloft,
                    contestants.Swupdate(FOLDER / "swupdate-raw", new, target.name, compressed=False),
                    contestants.Swupdate(FOLDER / "swupdate-zstd", new, target.name, compressed=True), contestants.Rauc(FOLDER / "rauc", new, target.name)]
        for one in everyone:
            one.make()
        aloft.measure_idle()
        times = {one.name: [] for one in everyone}
        for number in range(arguments.rounds):
            for one in everyone:
                times[one.name].append(measure(one, target, old, digest))
            say(f"bench: round {number + 1} of {arguments.rounds}: " + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in times.items()))
    result = numbers(aloft, times, aloftd)
    missed = misses(result)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(table(everyone, times))
        print("\n" + "\n".join(f"{name:15} {value}" for name, value in result.items()))
        print("\nEvery target is met." if not missed else "\nMissed: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
