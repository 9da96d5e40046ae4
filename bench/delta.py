#!/usr/bin/env python3
"""./dev bench delta [--images FOLDER] [--kinds KIND,...] [--slow] [--reuse] [--json]: bytes, CPU seconds and memory of deltas, all tools on the same image pair.

The pair is FOLDER/v1.KIND and FOLDER/v2.KIND; without --images it is made by bench/image_pair.sh, once, in build/bench/delta-images.
"""
import argparse
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys

import reuse as bench_reuse
from arguments import understood

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALOFT = pathlib.Path(os.environ.get("ALOFT_CLI", ROOT / "build/release/src/cli/aloft"))
REBUILD = pathlib.Path(os.environ.get("ALOFT_REBUILD", ROOT / "build/release-small/src/rebuild/aloft-rebuild"))
BUILT = ROOT / "build/bench"
AGENT = pathlib.Path(os.environ.get("ALOFT_AGENT", ROOT / "build/release-small/src/agent/aloftd"))
TARGETS = {"ext4": 1_800_000, "ext4-kernel": 11_500_000, "erofs": 1_800_000, "erofs-lz4hc": 2_300_000, "squashfs-zstd": 2_300_000, "squashfs-xz": 2_300_000}  # bytes of aloft's delta
REUSE_TARGETS = {"ext4": 11_000_000}  # bytes that the agent fetches without a delta
APPLY_MIB = {"ext4": 8, "ext4-kernel": 18, "erofs": 8, "erofs-lz4hc": 16, "squashfs-zstd": 16, "squashfs-xz": 16}


def run(*command, **options):
    """(seconds of CPU, peak resident MiB) of one program and those that it waited for."""
    peak, report = BUILT / "peak", BUILT / "peak.report"
    done = subprocess.run([peak, report, *(str(part) for part in command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"bench delta: {command[0]} failed: {done.stderr.decode(errors='replace')[-500:]}")
    seconds, kib = report.read_text().split()
    return round(float(seconds), 1), round(int(kib) / 1024, 1)


def aloft(old, new, work):
    yield run(ALOFT, "delta", "create", old, new, "-o", work / "patch")
    yield (work / "patch").stat().st_size
    yield run(REBUILD, old, work / "patch", work / "out")


def xdelta3(old, new, work):
    yield run("xdelta3", "-e", "-f", "-9", "-S", "lzma", "-s", old, new, work / "patch")
    yield (work / "patch").stat().st_size
    yield run("xdelta3", "-d", "-f", "-s", old, work / "patch", work / "out")


def zstd(old, new, work):
    yield run("zstd", "-q", "-f", "-19", "--long=31", f"--patch-from={old}", new, "-o", work / "patch")
    yield (work / "patch").stat().st_size
    yield run("zstd", "-q", "-f", "-d", "--long=31", "--memory=2048MB", f"--patch-from={old}", work / "patch", "-o", work / "out")


def bsdiff(old, new, work):
    yield run("bsdiff", old, new, work / "patch")
    yield (work / "patch").stat().st_size
    yield run("bspatch", old, work / "out", work / "patch")


def casync(old, new, work):
    """What a device that has the old image's chunks has to fetch: chunks that only the new one has, and its index."""
    store = work / "store"
    run("casync", "make", f"--store={store}", work / "old.caibx", old)
    size = lambda: sum(file.stat().st_size for file in store.rglob("*.cacnk"))  # noqa: E731
    before = size()
    yield run("casync", "make", f"--store={store}", work / "new.caibx", new)
    yield size() - before + (work / "new.caibx").stat().st_size
    yield run("casync", "extract", f"--store={store}", f"--seed={old}", work / "new.caibx", work / "out")


CONTESTANTS = {"aloft": aloft, "xdelta3 -9 -S lzma": xdelta3, "casync": casync}
SLOW = {"zstd -19 --patch-from": zstd, "bsdiff": bsdiff}


def measure(name, contestant, old, new, work):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    making, size, applying = contestant(old, new, work)
    if not filecmp.cmp(work / "out", new, shallow=False):
        raise SystemExit(f"bench delta: {name} does not give the new image")
    shutil.rmtree(work)
    return {"bytes": size, "make_cpu_s": making[0], "make_mib": making[1], "apply_cpu_s": applying[0], "apply_mib": applying[1]}


def reuse(old, new, work):
    """What the real agent fetches without a delta, by the blocks that its slot has."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    result = bench_reuse.measure(ALOFT, AGENT, old, new, work)
    shutil.rmtree(work)
    return result


def main():
    parser = argparse.ArgumentParser(prog="./dev bench delta", description=__doc__)
    parser.add_argument("--images", type=pathlib.Path, default=ROOT / "build/bench/delta-images", help="folder with v1.KIND and v2.KIND")
    parser.add_argument("--kinds", default="ext4", help="ext4, erofs, erofs-lz4hc, squashfs-zstd, squashfs-xz; ext4-kernel, whose update has a kernel in it; several by comma")
    parser.add_argument("--slow", action="store_true", help="zstd --patch-from and bsdiff, too: minutes to hours, and gigabytes of memory")
    parser.add_argument("--reuse", action="store_true", help="and what the agent fetches without a delta, by the blocks that its slot has (--blocks)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    for kind in kinds:  # a folder of one's own may have kinds of its own
        if kind not in TARGETS and not all((options.images / f"{version}.{kind}").exists() for version in ("v1", "v2")):
            parser.error(f"--kinds: {kind!r} is none of {', '.join(TARGETS)}, and {options.images} has no v1.{kind} and v2.{kind}")
    understood()
    for made, option, wanted in (("ext4", [], set(kinds) != {"ext4-kernel"}), ("ext4-kernel", ["--kernel"], "ext4-kernel" in kinds)):
        if wanted and not (options.images / f"v2.{made}").exists():
            subprocess.run([ROOT / "bench/image_pair.sh", options.images, *option], check=True, stdout=sys.stderr)
    BUILT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O1", "-o", BUILT / "peak", ROOT / "bench/peak.c"], check=True)
    contestants = CONTESTANTS | (SLOW if options.slow else {})
    results, missed = {}, []
    for kind in kinds:
        old, new = (options.images / f"{version}.{kind}" for version in ("v1", "v2"))
        results[kind] = {"image_bytes": new.stat().st_size}
        for name, contestant in contestants.items():
            results[kind][name] = measure(name, contestant, old, new, ROOT / "build/bench/delta-work")
            if not options.json:
                print(f"{kind:14} {name:22} " + "  ".join(f"{key} {value}" for key, value in results[kind][name].items()), flush=True)
        if options.reuse:
            results[kind]["no delta"] = reuse(old, new, ROOT / "build/bench/delta-work")
            if not options.json:
                print(f"{kind:14} {'aloftd, no delta':22} " + "  ".join(f"{key} {value}" for key, value in results[kind]["no delta"].items()), flush=True)
            if results[kind]["no delta"]["bytes"] > REUSE_TARGETS.get(kind, sys.maxsize):
                missed.append(f"{kind} without a delta")
        ours = results[kind]["aloft"]
        if kind in TARGETS and (ours["bytes"] > TARGETS[kind] or ours["apply_mib"] > APPLY_MIB[kind]):
            missed.append(kind)
    if options.json:
        print(json.dumps(results, indent=1))
    if missed:
        raise SystemExit(f"bench delta: targets missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
