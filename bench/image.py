"""What is installed: a 512 MiB ext4 image of this machine's own programs and libraries, and the older content that it replaces."""
import hashlib
import os
import pathlib
import shutil
import subprocess

IMAGE_BYTES = 512 << 20
CONTENT_BYTES = 400 << 20  # of files: the rest stays free, as in real root file systems
FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/share"]
BIGGEST_FILE = 64 << 20
TIME = "1750000000"
UUID = "11111111-2222-3333-4444-555555555555"


def files():
    """Regular files in a fixed order, each once, until the content is full."""
    seen, total = set(), 0
    for folder in FOLDERS:
        for where, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(where, name)
                if os.path.islink(path) or not os.path.isfile(path) or path in seen:
                    continue
                size = -(-os.path.getsize(path) // 4096) * 4096
                if size > BIGGEST_FILE:
                    continue
                if total + size > CONTENT_BYTES:
                    return
                seen.add(path)
                total += size
                yield path


def build(folder):
    """Makes folder/new.ext4 and folder/old.bin unless they are there. The same machine gives the same bytes."""
    folder = pathlib.Path(folder)
    image, old = folder / "new.ext4", folder / "old.bin"
    if image.exists() and old.exists():
        return image, old
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for path in files():
        target = tree / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for path in [tree, *tree.rglob("*")]:
        os.utime(path, (int(TIME), int(TIME)))
    part = folder / "new.part"
    part.unlink(missing_ok=True)
    with open(part, "wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-U", UUID, "-E", f"hash_seed={UUID},lazy_itable_init=0", "-d", tree, part],
                   check=True, env={**os.environ, "E2FSPROGS_FAKE_TIME": TIME})
    shutil.rmtree(tree)
    # The old content differs from the new in every place, so that nobody can leave a block as it is.
    with open(part, "rb") as new, open(old, "wb") as file:
        while block := new.read(1 << 20):
            file.write(bytes(reversed(block)).translate(bytes(range(1, 256)) + b"\0"))
    part.rename(image)
    return image, old


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
