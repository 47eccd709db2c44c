"""How many bytes a container says that its file has: less are there if it was cut short."""

import struct

_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_BROADCAST = 1  # flag of ASF: the size could not be known
_SEGMENT = b"\x18\x53\x80\x67"  # of Matroska
_HEAD = 1 << 16  # bytes of a file in which its header is looked for


def claimed_size(path, kind):
    """Return the size in bytes that a file's header claims, None if it does not. kind: FFmpeg's name of it.

    ASF: Advanced Systems Format specification 3.2; AVI: RIFF; Matroska: RFC 9559, 4.5.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if kind == "avi" and head[:4] == b"RIFF" and len(head) > 8:
        return struct.unpack_from("<I", head, 4)[0] + 8
    if kind == "asf" and 0 <= (at := head.find(_ASF_PROPERTIES)) <= len(head) - 92:
        flags = struct.unpack_from("<I", head, at + 88)[0]
        return None if flags & _BROADCAST else struct.unpack_from("<Q", head, at + 40)[0]
    if kind == "matroska" and 0 <= (at := head.find(_SEGMENT)) < len(head) - 12:
        return _end_of_element(head, at + len(_SEGMENT))
    return None


def _end_of_element(data, at):
    """Return the end of an element of EBML whose length is written at a place; None if it is unknown."""
    first = data[at]
    width = 9 - first.bit_length()
    if not first:
        return None
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return None if value == (1 << 7 * width) - 1 else at + width + value
