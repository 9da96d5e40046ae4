"""UEFI variables as EDK2 (OVMF) keeps them in flash: authenticated variables in a firmware volume (edk2, MdeModulePkg/Include/Guid/VariableFormat.h).
Reads them as the firmware does, and writes a factory's; nothing of the project's code is used."""
import struct

BYTES = 540672             # of OVMF_VARS_4M.fd
STORE = 0x48               # of the store's header, behind the volume's
FIRST = 0x64               # of the first variable
GUID = bytes.fromhex("782cf3aa7b949a43a1802e144ec37792")
START, HEADER = 0x55AA, 60
ADDED, IN_DELETION, HEAD_VALID = 0x3F, 0x3E, 0x7F
KEPT = 7                   # non-volatile, at boot time, at run time
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


class Bad(Exception):
    """There is no variable store that the firmware would take."""


def packed_guid(text):
    a, b, c, d, e = text.split("-")
    return struct.pack("<IHH", int(a, 16), int(b, 16), int(c, 16)) + bytes.fromhex(d + e)


def store_end(flash):
    """Where the variable store ends."""
    size, kind, state = struct.unpack_from("<IBB", flash, STORE + 16)
    if flash[STORE:STORE + 16] != GUID or (kind, state) != (0x5A, 0xFE) or not 0 < size <= len(flash) - STORE:
        raise Bad("the flash has no healthy variable store")
    return STORE + size


def records(flash):
    """(place, state, name, GUID, value) of all that ever were, in the order in which they were written."""
    place, end = FIRST, store_end(flash)
    while place + HEADER <= end:
        start, state, _, attributes = struct.unpack_from("<HBBI", flash, place)
        if start != START:
            return
        name_bytes, value_bytes = struct.unpack_from("<II", flash, place + 36)
        if state == 0xFF or 0xFFFFFFFF in (attributes, name_bytes, value_bytes):
            place = (place + HEADER + 3) & ~3  # a header that was not written to its end: the firmware goes on behind it
            continue
        after = place + HEADER + name_bytes + value_bytes
        if after > end:
            return
        name = flash[place + HEADER:place + HEADER + name_bytes].decode("utf-16le", "replace").rstrip("\0")
        yield place, state, name, bytes(flash[place + 44:place + 60]), bytes(flash[after - value_bytes:after])
        place = (after + 3) & ~3


def variables(flash):
    """{(name, GUID): value} as the firmware finds them: the first that is whole, or else the last whose replacement was begun."""
    added, being_replaced = {}, {}
    for _, state, name, guid, value in records(flash):
        if state == ADDED:
            added.setdefault((name, guid), value)
        elif state == IN_DELETION:
            being_replaced[name, guid] = value
    return {**being_replaced, **added}


def with_variables(flash, entries):
    """A fresh store with more variables: {name: (GUID, value)}."""
    out, place = bytearray(flash), FIRST
    for found in records(flash):
        place = (found[0] + HEADER + 2 * len(found[2]) + 2 + len(found[4]) + 3) & ~3
    for name, (guid, value) in entries.items():
        label = name.encode("utf-16le") + b"\0\0"
        head = struct.pack("<HBBIQ16xIII", START, ADDED, 0, KEPT, 0, 0, len(label), len(value)) + packed_guid(guid)
        record = head + label + value
        out[place:place + len(record)] = record
        place = (place + len(record) + 3) & ~3
    return bytes(out)
