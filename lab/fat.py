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
        content = b""
        while len(content) < most:
            if not 2 <= cluster < END[self.bits]:
                raise Bad("its chain of clusters breaks off")
            content += self.read(self.data + (cluster - 2) * self.cluster, self.cluster)
            cluster = self.next(cluster)
        return content[:most]

    def folder(self, cluster):
        if cluster == 0 and self.bits != 32:
            return self.read(self.root, self.root_bytes)
        cluster, content = cluster or self.root_cluster, b""
        while 2 <= cluster < END[self.bits] and len(content) < 1 << 20:
            content += self.read(self.data + (cluster - 2) * self.cluster, self.cluster)
            cluster = self.next(cluster)
        return content

    def file(self, path):
        """The content of a file whose parts have names of at most eight letters."""
        cluster, size = 0, 0
        for part in path.strip("/").split("/"):
            name = part.upper().encode().ljust(11)
            entries = self.folder(cluster)
            for at in range(0, len(entries), 32):
                entry = entries[at:at + 32]
                if entry[0] == 0:
                    raise Bad(f"{path} is missing")
                if entry[:11] == name and entry[11] != 0x0F:
                    cluster = int.from_bytes(entry[26:28], "little") | (int.from_bytes(entry[20:22], "little") << 16 if self.bits == 32 else 0)
                    size = int.from_bytes(entry[28:32], "little")
                    break
            else:
                raise Bad(f"{path} is missing")
        return self.chain(cluster, size) if size else b""
