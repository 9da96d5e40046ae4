"""Reads a file from a FAT file system as firmware and boot loaders do: directory entry, chain of clusters, size. A second reader, to judge
what a power cut left: nothing is mended, and nothing of the project's code is used. (Microsoft, "FAT32 File System Specification".)"""
import struct

END = {12: 0xFF8, 16: 0xFFF8, 32: 0x0FFFFFF8}


class Bad(Exception):
    """The file cannot be read from what is there."""


class Volume:
    """read(offset, size) gives the volume's bytes."""

    def __init__(self, read):
        self.read = read
        head = read(0, 512)
        self.sector, per_cluster, reserved, copies, roots, small, _, per_table = struct.unpack_from("<HBHBHHBH", head, 11)
        large, table32, _, _, root32 = struct.unpack_from("<IIHHI", head, 32)
        if head[510:512] != b"\x55\xaa" or self.sector not in (512, 1024, 2048, 4096) or not per_cluster:
            raise Bad("no FAT boot sector")
        self.cluster = per_cluster * self.sector
        per_table = per_table or table32
        self.table = reserved * self.sector
        self.root = self.table + copies * per_table * self.sector
        self.root_bytes = roots * 32
        self.data = self.root + -(-self.root_bytes // self.sector) * self.sector
        clusters = ((small or large) * self.sector - self.data) // self.cluster
        self.bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
        self.root_cluster = root32

    def next(self, cluster):
        if self.bits == 12:
            (pair,) = struct.unpack("<H", self.read(self.table + cluster * 3 // 2, 2))
            return pair >> 4 if cluster & 1 else pair & 0xFFF
        width = self.bits // 8
        return int.from_bytes(self.read(self.table + cluster * width, width), "little") & 0x0FFFFFFF

    def chain(self, cluster, most):
        """The bytes of a chain of clusters, at most `most`."""
        pieces = []
        for _ in range(-(-most // self.cluster)):
            if not 2 <= cluster < END[self.bits]:
                raise Bad("its chain of clusters breaks off")
            pieces.append(self.read(self.data + (cluster - 2) * self.cluster, self.cluster))
            cluster = self.next(cluster)
        return b"".join(pieces)[:most]

    def folder(self, cluster):
        if cluster == 0 and self.bits != 32:
            return self.read(self.root, self.root_bytes)
        cluster, content = cluster or self.root_cluster, b""
        while 2 <= cluster < END[self.bits] and len(content) < 1 << 20:
            content += self.read(self.data + (cluster - 2) * self.cluster, self.cluster)
            cluster = self.next(cluster)
        return content

    def entries(self, cluster):
        """(name, is a folder, first cluster, size) of what a folder holds. A long name counts where its checksum is that of the short one."""
        content, long = self.folder(cluster), {}
        for at in range(0, len(content), 32):
            entry = content[at:at + 32]
            if entry[0] == 0:
                return
            if entry[11] == 0x0F and entry[0] != 0xE5:
                long = {} if entry[0] & 0x40 else long
                long[entry[0] & 0x1F] = (entry[13], entry[1:11] + entry[14:26] + entry[28:32])
                continue
            if entry[0] != 0xE5 and not entry[11] & 0x08:
                first = int.from_bytes(entry[26:28], "little") | (int.from_bytes(entry[20:22], "little") << 16 if self.bits == 32 else 0)
                yield long_name(long, entry) or short_name(entry), bool(entry[11] & 0x10), first, int.from_bytes(entry[28:32], "little")
            long = {}

    def place(self, path):
        """(is a folder, first cluster, size); names are compared without case."""
        found = (True, 0, 0)
        for part in filter(None, path.split("/")):
            if not found[0] or (found := next((entry[1:] for entry in self.entries(found[1]) if entry[0].lower() == part.lower()), None)) is None:
                raise Bad(f"{path} is missing")
        return found

    def names(self, path):
        """Of the files in a folder."""
        folder, cluster, _ = self.place(path)
        if not folder:
            raise Bad(f"{path} is no folder")
        return [name for name, is_folder, _, _ in self.entries(cluster) if not is_folder]

    def file(self, path):
        """The content of a file."""
        folder, cluster, size = self.place(path)
        if folder:
            raise Bad(f"{path} is a folder")
        return self.chain(cluster, size) if size else b""


def short_name(entry):
    name, extension = entry[:8].decode("latin-1").rstrip(), entry[8:11].decode("latin-1").rstrip()
    return f"{name}.{extension}" if extension else name


def long_name(parts, entry):
    """What the long name in front of a short one says, or nothing where it is not this one's."""
    total = 0
    for byte in entry[:11]:
        total = ((total >> 1) | (total << 7)) + byte & 0xFF
    if not parts or sorted(parts) != list(range(1, len(parts) + 1)) or any(check != total for check, _ in parts.values()):
        return ""
    text = b"".join(units for _, (_, units) in sorted(parts.items())).decode("utf-16le", "replace")
    return text.split("\0")[0]
