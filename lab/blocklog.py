"""The log that QEMU's blklogwrites filter keeps of a disk: every write and flush in order (the format of the kernel's dm-log-writes,
Documentation/admin-guide/device-mapper/log-writes.rst)."""
import dataclasses
import struct

SECTOR = 512
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MAGIC = 0x6A736677736872
END = "dm-log-writes-end"  # the last entry that the kernel's target writes


@dataclasses.dataclass(frozen=True)
class Write:
    """One write, or a flush (no sectors)."""
    number: int   # of the entry in the log
    sector: int   # on the disk
    sectors: int
    flushes: bool
    place: int    # of its data in the log file

    def end(self):
        return self.sector + self.sectors


class Log:
    """Parsed to its end, whatever its superblock says: that is written with the first flush, and brought up to date only now and then. Half an
    entry at the end is left out."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.entries, self.ends = [], []  # ends: where each entry ends in the file
        self.marks = []                   # (number of entries before it, text)
        head = self.file.read(28)
        magic, _, _, sector = struct.unpack("<QQQI", head)
        if any(head) and (magic != MAGIC or sector != SECTOR):
            raise ValueError(f"{path} is no log of blklogwrites with sectors of {SECTOR} bytes")
        size, place = self.file.seek(0, 2), SECTOR
        while place + SECTOR <= size:
            self.file.seek(place)
            where, sectors, flags, length = struct.unpack("<QQQQ", self.file.read(32))
            if flags & MARK:
                self.marks.append((len(self.entries), self.file.read(length).rstrip(b"\0").decode()))
                if self.marks[-1][1] == END:
                    break
            data = place + SECTOR
            place = data + (0 if flags & DISCARD else sectors * SECTOR)
            if place > size:
                break
            if not flags & (DISCARD | MARK):  # a discard promises nothing of what is read afterwards; the lab's disks keep the old
                self.entries.append(Write(len(self.entries), where, sectors, bool(flags & (FLUSH | FUA)), data))
                self.ends.append(place)

    def data(self, write, sectors=None):
        self.file.seek(write.place)
        return self.file.read((write.sectors if sectors is None else sectors) * SECTOR)

    def close(self):
        self.file.close()

    def until(self, size_bytes):
        """How many entries were complete when the log had this size."""
        return sum(end <= size_bytes for end in self.ends)


def recorded(command, disk, log):
    """QEMU's arguments with the drive or block node of the file `disk` put behind blklogwrites, which writes to the file `log`."""
    nodes = [number for number, word in enumerate(command) if word.startswith(f"driver=file,filename={disk},node-name=")]
    if nodes:
        (place,) = nodes
        name = command[place].split("node-name=")[1].split(",")[0]
        return [*command[:place], command[place].replace(f"node-name={name}", f"node-name={name}-file"), *filter_nodes(name, log), *command[place + 1:]]
    (place,) = [number for number, word in enumerate(command) if word.startswith("if=none,") and f"file={disk}" in word.split(",")]
    name = dict(pair.split("=", 1) for pair in command[place].split(","))["id"]
    file = ["-blockdev", f"driver=file,filename={disk},node-name={name}-file"]
    return [*command[:place - 1], *file, *filter_nodes(name, log), *command[place + 1:]]


def filter_nodes(name, log):
    """The node `name` over NAME-file, logged."""
    return ["-blockdev", f"driver=file,filename={log},node-name={name}-log",
            "-blockdev", f"driver=blklogwrites,node-name={name},file.driver=raw,file.file={name}-file,log={name}-log,log-sector-size={SECTOR}"]
