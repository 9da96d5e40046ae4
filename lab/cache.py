"""Things that take long to make are made once and kept by what they were made from.

An entry is a folder KIND-HASH under the cache; it appears by one rename when complete, so that a reader never sees half of one.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "aloft-lab"
KEPT_PER_KIND = 24
MIN_AGE_S = 3600


def file_digest(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def source_digest(*names):
    """Of the lab's own files: a changed builder makes everything it built stale."""
    return [file_digest(HERE / name) for name in names]


def entry(kind, made_from, make, say=print):
    """The folder KIND-HASH, made by make(folder) unless it is there. made_from is anything JSON can hold."""
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:20]
    path = ROOT / f"{kind}-{key}"
    ROOT.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        if not path.is_dir():
            started = time.monotonic()
            # A new name each time: what an interrupted make had started may still be writing to the old one.
            fresh = pathlib.Path(tempfile.mkdtemp(dir=ROOT, prefix=f"new-{kind}-"))
            try:
                fresh.chmod(0o755)
                make(fresh)
                fresh.rename(path)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
            say(f"lab: made {kind} in {time.monotonic() - started:.1f} s")
            drop_oldest(kind, path)
    os.utime(path)
    return path


@contextlib.contextmanager
def locked(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def drop_oldest(kind, keep):
    """One at a time: several labs may be at work."""
    with locked(ROOT / "drop.lock"):
        for left in ROOT.glob("new-*"):
            with contextlib.suppress(FileNotFoundError):  # it has just got its name
                if time.time() - left.stat().st_mtime > 24 * MIN_AGE_S:
                    shutil.rmtree(left, ignore_errors=True)
        entries = sorted((p for p in ROOT.glob(f"{kind}-" + "[0-9a-f]" * 20) if p.is_dir()), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in entries[KEPT_PER_KIND:]:
            if old != keep and time.time() - old.stat().st_mtime > MIN_AGE_S:
                shutil.rmtree(old, ignore_errors=True)
                old.with_suffix(".lock").unlink(missing_ok=True)
