"""Whether a sound file is all there, and whether libsndfile gives all of it.

libsndfile reads what is left of a file cut short without a word, though its log of the header tells. Of an
MP3 it believes the header, where there is one, and else takes the first frame's bit rate for that of all: of
a file of variable bit rate without a header, or of two files put together, it leaves out the rest.
"""

import mmap
import re
import struct

from units.audio.ogg import check_ogg
from units.records import InputError

_SLOWEST = 1000  # Hz
_TOLERANCE = 4 * 1152  # samples: more than encoders add before and after, and decoders take away
_STREAMED = 0x7FFF0000  # sizes from here up are written where the length could not be known beforehand

_ENDS_EARLY = re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_COUNTS_LESS = re.compile(r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)")

_KBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG-1 layer III
_KBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2 and 2.5
_RATES = (44100, 48000, 32000)


def check_rate(path, rate):
    """Raise InputError where a sampling rate, Hz, must be a header's mistake."""
    if rate < _SLOWEST:
        raise InputError(f"{path}: a sampling rate of {rate} Hz")


def check_header(path, container, log):
    """Raise InputError where a file of a container (libsndfile's name) ends before its header says.

    log: libsndfile's of the header.
    """
    if container == "OGG":
        check_ogg(path)
    if match := _ENDS_EARLY.search(log):
        claimed, there = map(int, match.groups())
        if there < claimed < _STREAMED:
            raise InputError(f"{path}: cut short: {there} of {claimed} bytes are there")
    if (match := _COUNTS_LESS.search(log)) and int(match[1]) < int(match[2]):
        raise InputError(f"{path}: cut short: {match[1]} of {match[2]} samples are there")


def check_mp3(path, samples, rate):
    """Raise InputError where an MP3 has fewer frames than its header says, or more than were decoded.

    samples: how many of them, at `rate` Hz, libsndfile gave from start to end.
    """
    claimed, there = mp3_length(path)
    if claimed is not None and claimed > there + _TOLERANCE:
        raise InputError(f"{path}: cut short: {there / rate:.1f} of {claimed / rate:.1f} s are there")
    if there > samples + _TOLERANCE:
        raise InputError(
            f"{path}: libsndfile reads {samples / rate:.1f} of the {there / rate:.1f} s in it; "
            "decode it to WAV or FLAC by other means"
        )


def mp3_length(path):
    """Return (samples that the header of an MP3 claims or None, samples in the frames that are there).

    ISO/IEC 11172-3, 2.4.1.3; the header is that of Xing and LAME. Free-format frames count for nothing.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _find_frame(data, _skip_id3(data), None)
        if start is None:
            return None, 0
        kind, size, samples = _frame(data, start)
        claimed = _claimed_frames(data[start : start + size])
        count = _count_frames(data, start, kind) - (claimed is not None)
        return (None if claimed is None else claimed * samples), count * samples


def _skip_id3(data):
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return size + 10 if size + 10 < len(data) else 0


def _frame(data, at):
    """Return (kind, bytes, samples) of the layer III frame at a place, None where there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, bits, rate_index = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate_index == 3:
        return None
    samples = 1152 if version == 3 else 576
    kbits = (_KBITS if version == 3 else _KBITS_LOW)[bits]
    rate = _RATES[rate_index] >> (2, 0, 1, 0)[version]  # version 0 is MPEG-2.5, 2 MPEG-2, 3 MPEG-1
    size = samples * kbits * 125 // rate + (data[at + 2] >> 1 & 1)
    return (version, rate_index), size, samples


def _find_frame(data, at, kind):
    """Return the first place from `at` where a frame (of that kind) is followed by another or by the end."""
    while (at := data.find(b"\xff", at)) >= 0:
        frame = _frame(data, at)
        if frame and kind in (None, frame[0]):
            after = _frame(data, at + frame[1])
            if (after and after[0] == frame[0]) or at + frame[1] == len(data):
                return at
        at += 1
    return None


def _count_frames(data, at, kind):
    count = 0
    while at is not None:
        frame = _frame(data, at)
        if frame and frame[0] == kind:
            count += at + frame[1] <= len(data)
            at += frame[1]
        else:
            at = _find_frame(data, at + 1, kind)
    return count


def _claimed_frames(frame):
    """Return the number of frames that a Xing or Info header tells, None where there is none."""
    for tag in (b"Xing", b"Info"):
        at = frame.find(tag, 4, 64)
        if at >= 0 and frame[at + 7 : at + 8] and frame[at + 7] & 1 and at + 12 <= len(frame):
            return struct.unpack(">I", frame[at + 8 : at + 12])[0]
    return None
