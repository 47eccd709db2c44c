"""Whether an Ogg file is all there: libsndfile leaves out what is damaged or missing without a word.

A file is a row of pages, numbered within each stream and each with a checksum of its own (RFC 3533).
"""

import mmap
import struct
import zlib

from units.records import InputError

_HEADER = struct.Struct("<4sBBqIIIB")  # mark, version, flags, position, stream, number, checksum, segments
_CHECKSUM = slice(22, 26)
_FIRST, _LAST = 2, 4  # flags
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page):
    """Return the checksum of a page whose own field is zero: CRC-32 from the highest bit on, from 0 on.

    zlib's starts from the lowest bit: of bytes turned round it gives the same, turned round.

    >>> hex(checksum(b"123456789"))
    '0x89a1897f'
    """
    turned = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


def check_ogg(path):
    """Raise InputError where an Ogg file is cut short or damaged, or holds several recordings in a row."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        numbers, ended = {}, set()
        at = 0
        while at < len(data) and not (numbers and ended == set(numbers) and data[at : at + 4] != b"OggS"):
            at = _check_page(path, data, at, numbers, ended)
        if ended != set(numbers):
            raise InputError(f"{path}: cut short: its last page is missing")


def _check_page(path, data, at, numbers, ended):
    """Check the page at a place against the numbers of those before it; return where the next one begins."""
    if data[at : at + 4] != b"OggS"[: len(data) - at]:
        raise InputError(f"{path}: damaged at byte {at}: no Ogg page begins there")
    body = at + _HEADER.size
    sizes = data[body : body + data[body - 1]] if body <= len(data) else b""
    end = body + len(sizes) + sum(sizes)
    if body > len(data) or len(sizes) < data[body - 1] or end > len(data):
        raise InputError(f"{path}: cut short: its last page is missing")
    _, _, flags, _, stream, number, sum_, _ = _HEADER.unpack_from(data, at)
    page = bytearray(data[at:end])
    page[_CHECKSUM] = bytes(4)
    if checksum(page) != sum_:
        raise InputError(f"{path}: damaged between bytes {at} and {end}: the checksum is another")
    if flags & _FIRST and ended:
        raise InputError(f"{path}: holds several recordings one behind the other; write each to its own file")
    if number != numbers.get(stream, -1) + 1:
        raise InputError(f"{path}: damaged: pages are missing before byte {at}")
    numbers[stream] = number
    if flags & _LAST:
        ended.add(stream)
    return end
