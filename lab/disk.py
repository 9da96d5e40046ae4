"""A device's disk as the factory delivers it: what the boot loader needs, a system in group A, an empty group B, state."""
import pathlib
import tempfile
import uuid

import debian

MIB = 1 << 20

def state_image(path, mib, files, folders=()):
    """An ext4 with the given {path: text}: the device's identity, where its server is, its enrolment token; and empty folders."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name in folders:
            (pathlib.Path(folder) / name).mkdir(parents=True)
        for name, text in files.items():
            file = pathlib.Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o600)
        debian.run("mkfs.ext4", "-q", "-F", "-m", "0", "-L", "state", "-d", folder, path, f"{mib}M")


def make(path, partitions, contents, flash=None):
    """Writes the whole disk: model.Partition in a row, and {partition: image} of those that are not empty. flash: a model.Partition behind the
    disk's end."""
    path.unlink(missing_ok=True)
    with open(path, "wb") as file:
        file.truncate(disk_bytes(partitions))
    options = []
    for number, each in enumerate(partitions, start=1):
        start = partition_offset(partitions, each.name)
        options += [f"-n{number}:{start // 512}:+{each.mib}M", f"-t{number}:{each.kind}", f"-c{number}:{each.name}", f"-u{number}:{partition_guid(each.name)}"]
        if each.name in contents:
            copy_sparsely(contents[each.name], path, start)
    debian.run("sgdisk", *options, path)
    if flash:
        with open(path, "r+b") as file:
            file.truncate(disk_bytes(partitions) + flash.mib * MIB)
        copy_sparsely(contents[flash.name], path, disk_bytes(partitions))


def disk_bytes(partitions):
    return (sum(each.mib for each in partitions) + 2) * MIB


def partition_guid(name):
    """The same on every disk, so that the firmware's variables can be made without it."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.lab.aloft"))


def partition_offset(partitions, name):
    """In bytes from the disk's start."""
    names = [each.name for each in partitions]
    return (1 + sum(each.mib for each in partitions[:names.index(name)])) * MIB


def copy_sparsely(source, target, offset):
    zeros = bytes(MIB)
    with open(source, "rb") as read, open(target, "r+b") as write:
        while piece := read.read(MIB):
            if piece != zeros[: len(piece)]:
                write.seek(offset)
                write.write(piece)
            offset += len(piece)

