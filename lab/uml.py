"""User-Mode Linux: a kernel that runs as a process of the host, from Debian's package. It has what the host's kernel may not: device-mapper, whose
log-writes target keeps every write and flush of a disk, and ext4 and FAT above it (docs/power-cuts.md)."""
import os
import pathlib
import subprocess
import tempfile

import machine

KERNEL = "/usr/bin/linux.uml"
MODULES = pathlib.Path("/usr/lib/uml/modules")
MEMORY_MIB = 256


def modules(names):
    """The files of these modules, in this order."""
    found = {path.stem: path for path in MODULES.rglob("*.ko")}
    return [found[name] for name in names]


def run(tree, disks, timeout_s, init="/init"):
    """Starts the tree's `init` as root on the folder itself, with the files `disks` as /dev/ubda and so on, until it switches the machine off; what it
    said. machine.Failure if it does not end in time, or its last line is not "done"."""
    with tempfile.TemporaryDirectory(prefix="aloft-uml-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as work:
        # unshare: all of its processes end with it
        command = ["unshare", "-pf", "--kill-child=KILL", "--", KERNEL, f"mem={MEMORY_MIB}M", "root=/dev/root", "rootfstype=hostfs", f"rootflags={tree}", "rw",
                   f"init={init}", "con=null", "con0=null,fd:1", "quiet", f"uml_dir={work}/", *(f"ubd{number}={disk}" for number, disk in enumerate(disks))]
        try:
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s,
                                   env={**os.environ, "TMPDIR": work}, start_new_session=True)
            said = ended.stdout.decode(errors="replace").replace("\r", "")
        except subprocess.TimeoutExpired as late:
            raise machine.Failure(f"User-Mode Linux did not end within {timeout_s} s:\n{(late.stdout or b'').decode(errors='replace')[-2000:]}") from late
    if "\ndone\n" not in said:
        raise machine.Failure(f"the script in User-Mode Linux failed:\n{said[-3000:]}")
    return said
