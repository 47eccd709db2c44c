"""Records and arrays on files and pipes.

A stream is JSON Lines. If a record has `"features": "-"`, the NPY bytes of its array follow the
line, so frames travel through a pipe without a file (see su-records(5)).
"""

import sys

from units.files.arrays import is_array_next, pass_array, read_npy, write_npy
from units.files.opening import open_file
from units.records import InputError, LostError, parse, require, serialize

LONGEST_LINE = 1 << 28  # bytes: enough for all occurrences of a motif in thousands of hours


def is_audio(head):
    """Return whether the first bytes of a file are those of a usual audio format, which no record has.

    >>> is_audio(b"RIFF\\x24\\x00\\x00\\x00WAVE"), is_audio(b'{"id": "a"}')
    (True, False)
    """
    known = head.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff"))
    frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0  # MP3 or ADTS
    return known or frame or head[4:8] == b"ftyp"


class LongLineError(InputError):
    """A line longer than any record. Only its beginning was read."""


def raise_fault(error):
    """Raise the error: what readers do with a bad line by default."""
    raise error


def open_input(path):
    """Return the binary file of a path; '-' is standard input."""
    if path == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed")
        # Not sys.stdin.buffer: Python cannot exit while a thread waits inside it.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    return open(path, "rb")


def read_records(paths=("-",), on_fault=raise_fault, on_bytes=None):
    """Yield each Record of the files in turn, its inline array read into `.array`.

    paths: file names, '-' for standard input. on_fault(error) is called with the InputError of a line that
    cannot be read; if it returns, that line and its array are skipped. on_bytes(count) is called with the
    number of bytes read.
    """
    for path in paths or ("-",):
        with open_input(path) as file:
            yield from _read_file(file, path, on_fault, on_bytes)


def _read_file(file, path, on_fault, on_bytes):
    number = 0
    if is_audio(file.peek(12)[:12]):
        raise InputError(f"{path}: this is an audio file, not records; run su-segment on it first")
    while file.peek(1):
        number += 1
        place = f"{path}:{number}"
        try:
            record = _read_one(file, place, number == 1, on_bytes)
        except LostError:
            raise
        except InputError as error:
            on_fault(error)
            if isinstance(error, LongLineError):
                _pass_line(file)
            pass_array(file, place)
            continue
        if record is not None:
            yield record


def _read_one(file, place, first, on_bytes):
    """Return the next record with its array; None for a blank line."""
    if is_array_next(file):
        pass_array(file, place)
        raise InputError(f"{place}: there is an array in place of a record")
    line = file.readline(LONGEST_LINE + 1)
    if on_bytes:
        on_bytes(len(line))
    if len(line) > LONGEST_LINE:
        raise LongLineError(f"{place}: the line is longer than {LONGEST_LINE >> 20} MiB")
    if first:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        return None
    record = parse(line, place)
    if record.get("features") == "-":
        if not is_array_next(file):
            raise InputError(f'{place}: "features" is "-" but no array follows')
        record.array = read_npy(file, place)
    return record


def _pass_line(file):
    """Skip the rest of a line that was read in part."""
    while (piece := file.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass


def features_of(record):
    """Return the (N, D) float32 frames of a record, from the stream or from the file that it names."""
    path = require(record, "features")
    if record.array is not None:
        return record.array
    if path == "-":
        raise InputError('"features" must be a file name')
    with open_file(path) as file:
        try:
            return read_npy(file, path)
        except LostError as error:  # in a separate file, so no other record is lost
            raise InputError(str(error)) from None


def write_record(record, out):
    """Write a record and the array it carries, and flush, so that the next tool can start at once."""
    out.write(serialize(record))
    if record.get("features") == "-":
        write_npy(out, record.array)
    out.flush()
