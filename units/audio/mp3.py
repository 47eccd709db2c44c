"""The length that an MP3 claims in a Xing, Info or VBRI header, as LAME, iTunes and Fraunhofer write it."""

import re

_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG-1 layer III
_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2 and 2.5
_RATES = (44100, 48000, 32000)
TAGS = (b"ID3", b"TAG", b"APETAGEX")
_SEARCHED = 1 << 20  # bytes after the tags in which the first frame is looked for
_TAG = re.compile(rb"Xing|Info|VBRI")


def claimed_samples(path):
    """Return how many samples the header of an MP3 claims, encoder delay and padding included; None if none.

    ISO/IEC 11172-3, 2.4.1.3. The header replaces the sound of the first frame.
    """
    with open(path, "rb") as file:
        file.seek(_after_id3(file.read(10)))
        data = file.read(_SEARCHED)
    at = 0
    while (at := data.find(b"\xff", at)) >= 0:
        if found := _frame(data, at):
            size, samples = found
            follows = at + size + 4 > len(data) or _frame(data, at + size)
            if follows:
                count = _frames_claimed(data[at : at + size])
                return count and count * samples
        at += 1
    return None


def is_whole(frame):
    """Return whether bytes are a layer III frame of the length that its header says, or no frame at all."""
    found = _frame(frame, 0)
    return found is None or len(frame) >= found[0]


def holds_junk(frame):
    """Return whether more follows a layer III frame than its header says: what lay before the next one.

    Tags, as of a file that was appended, do not count as junk.
    """
    found = _frame(frame, 0)
    return found is not None and len(frame) > found[0] and not frame[found[0] :].startswith(TAGS)


def _after_id3(head):
    """Return the end of an ID3v2 tag, 0 if there is no tag."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return size + 10


def _frame(data, at):
    """Return (bytes, samples) of the layer III frame at a place, None if none begins there."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, bits, rate_index = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate_index == 3:
        return None
    samples = 1152 if version == 3 else 576
    kbits = (_KBITS if version == 3 else _KBITS_LOW)[bits]
    rate = _RATES[rate_index] >> (2, 0, 1, 0)[version]  # version 0 is MPEG-2.5, 2 MPEG-2, 3 MPEG-1
    return samples * kbits * 125 // rate + (data[at + 2] >> 1 & 1), samples


def _frames_claimed(frame):
    if not (tag := _TAG.search(frame, 4, 64)):
        return None
    if tag[0] == b"VBRI":
        return int.from_bytes(frame[tag.start() + 14 : tag.start() + 18], "big") or None
    flags, count = frame[tag.end() : tag.end() + 4], frame[tag.end() + 4 : tag.end() + 8]
    return int.from_bytes(count, "big") if len(count) == 4 and flags[3] & 1 else None
