"""Whether an Ogg file is complete: decoders skip damaged or missing parts without a report.

A file is a row of pages, numbered within each stream and each with a checksum of its own (RFC 3533). The
flag that ends a stream is not required: Android's recorder, and with it many messengers, never sets it.
"""

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


def check_ogg(path, rate):
    """Raise InputError if an Ogg file is cut short or damaged, or holds several recordings in a row.

    rate: Hz, of the positions in its pages, to give the time of a fault in seconds.
    """
    with open(path, "rb") as file:
        numbers, ended, position = {}, set(), 0
        while head := file.read(_HEADER.size):
            if numbers and ended == set(numbers) and not head.startswith(b"OggS"):
                return  # tags or zeros behind the last page
            place = f"at {position / rate:.2f} s"
            position = max(position, _check_page(path, file, head, numbers, ended, place))


def _check_page(path, file, head, numbers, ended, place):
    """Check the page that begins with `head` against those before it; return its position in samples."""
    if head[:4] != b"OggS"[: len(head)]:
        byte = file.tell() - len(head)
        raise InputError(f"{path}: damaged {place}: no page of an Ogg file begins at byte {byte}")
    sizes = file.read(head[-1]) if len(head) == _HEADER.size else b""
    body = file.read(sum(sizes))
    if len(head) < _HEADER.size or len(sizes) < head[-1] or len(body) < sum(sizes):
        raise InputError(f"{path}: cut short {place}, in the middle of a page")
    _, _, flags, position, stream, number, sum_, _ = _HEADER.unpack(head)
    page = bytearray(head + sizes + body)
    page[_CHECKSUM] = bytes(4)
    if checksum(page) != sum_:
        raise InputError(f"{path}: damaged {place}: a page has another checksum than it says")
    if flags & _FIRST and ended:
        raise InputError(
            f"{path}: holds several recordings, one after the other, from {place.removeprefix('at ')} on; "
            "save each to a file of its own"
        )
    if number != numbers.get(stream, -1) + 1:
        raise InputError(f"{path}: damaged {place}: pages are missing there")
    numbers[stream] = number
    if flags & _LAST:
        ended.add(stream)
    return position
