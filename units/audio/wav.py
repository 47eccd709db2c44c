"""WAV headers that give another length than the file has: found, and replaced by a correct one.

A recorder that lost power leaves sizes of 0, or those of the last time it wrote them; sizes wrap at 4 GiB;
a program that writes to a pipe cannot know them. The samples are there all the same.
"""

import io
import os
import struct
from dataclasses import dataclass

STREAMED = 0x7FFF0000  # sizes from here up are written if the length could not be known beforehand
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LIST", b"id3 ", b"bext", b"iXML", b"cue ", b"_PMX", b"fact", b"PEAK")
_LEAST = 64  # bytes after the samples that are worth a thought


@dataclass(frozen=True)
class Layout:
    """The samples of a WAV file: format chunk, first byte, number of bytes claimed and present."""

    format: bytes
    start: int
    claimed: int
    there: int

    @property
    def byte_rate(self):
        """Bytes per second, 0 if the header does not say."""
        return struct.unpack_from("<I", self.format, 8)[0]

    @property
    def is_streamed(self):
        """Whether the header leaves the length open."""
        return self.claimed >= STREAMED > self.there or self.claimed == 0


def layout(path):
    """Return the Layout of a RIFF or RF64 WAVE file; None if the file is not one, or has no samples."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
            return None
        fmt, long_size = b"", None
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                claimed = long_size if long_size is not None and length == 0xFFFFFFFF else length
                return Layout(fmt, file.tell(), claimed, size - file.tell()) if len(fmt) >= 16 else None
            if name in (b"fmt ", b"ds64"):
                body = file.read(min(length, 4096))
                fmt = body if name == b"fmt " else fmt
                if name == b"ds64" and len(body) >= 16:
                    long_size = struct.unpack_from("<Q", body, 8)[0]
                length -= len(body)
            file.seek(length + length % 2, os.SEEK_CUR)
    return None


def hides_samples(path, found):
    """Return whether samples follow after the end that the header claims: not chunks, tags or zeros."""
    end = found.start + found.claimed
    with open(path, "rb") as file:
        file.seek(end)
        beginning = file.read(16)
        tagged = found.claimed > 0 and beginning.startswith(_TAGS)
        if found.there - found.claimed < _LEAST or tagged or _is_chunks(file, end, found.start + found.there):
            return False
        file.seek(end)
        while block := file.read(1 << 20):
            if any(block):
                return True
        return False


def _is_chunks(file, at, end):
    """Whether RIFF chunks with readable names fill a stretch of the file; a pad byte may be missing."""
    while at + 8 <= end:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if not all(32 <= byte < 127 for byte in name):
            if at % 2 == 0:
                return False
            at += 1
            continue
        at += 8 + length
    return at <= end + 1


class Repaired(io.RawIOBase):
    """A WAV file with a header in front of its samples that gives their true size: RF64, of any length."""

    def __init__(self, path, found):
        super().__init__()
        self._file = open(path, "rb")  # noqa: SIM115 - closed with this object
        self._start = found.start
        size = found.there - found.there % max(1, struct.unpack_from("<H", found.format, 12)[0])
        fmt = struct.pack("<4sI", b"fmt ", len(found.format)) + found.format
        ds64 = struct.pack("<4sIQQQI", b"ds64", 28, size + len(fmt) + 48, size, 0, 0)
        self._head = b"RF64\xff\xff\xff\xffWAVE" + ds64 + fmt + b"data\xff\xff\xff\xff"
        self._size = len(self._head) + size
        self._at = 0

    def readinto(self, buffer):
        """Fill the buffer as far as there is something; return how many bytes that was."""
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        if self._at < len(self._head):
            data = self._head[self._at : self._at + wanted]
        else:
            self._file.seek(self._start + self._at - len(self._head))
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset, whence=os.SEEK_SET):
        """Go to a place."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self):
        """Return the place."""
        return self._at

    def readable(self):
        """Say that it can be read."""
        return True

    def seekable(self):
        """Say that it can be entered anywhere."""
        return True

    def close(self):
        """Close the file."""
        self._file.close()
        super().close()
