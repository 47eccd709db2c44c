"""Records and arrays on files and pipes.

A stream is JSON Lines. Where a record says `"features": "-"` the NPY bytes of its array follow the
line, so frames travel through a pipe with no file between (see su-records(5)).
"""

import sys

from units.files.arrays import is_array_next, pass_array, read_npy, write_npy
from units.files.opening import open_file
from units.records import InputError, LostError, parse, require, serialize

LONGEST_LINE = 1 << 28  # bytes: every place of a motif in thousands of hours; what never ends is no line


class LongLineError(InputError):
    """A line longer than any record, of which only the beginning was read."""


def raise_fault(error):
    """Raise the error: what a reader does with a bad line unless told otherwise."""
    raise error


def open_input(path):
    """Return the binary file of a path; '-' is standard input."""
    if path == "-":
        if sys.stdin is None:
            raise InputError("standard input is closed")
        # Not sys.stdin.buffer: Python cannot end while a thread waits inside that one.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    return open(path, "rb")


def read_records(paths=("-",), on_fault=raise_fault, on_bytes=None):
    """Yield each Record of the files in turn, its inline array read into `.array`.

    paths: file names, '-' for standard input. on_fault is handed the InputError of a line that cannot
    be read; where it returns, that line and its array are left out. on_bytes is told of the bytes read.
    """
    for path in paths or ("-",):
        with open_input(path) as file:
            yield from _read_file(file, path, on_fault, on_bytes)


def _read_file(file, path, on_fault, on_bytes):
    number = 0
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
        raise InputError(f"{place}: an array where a record should be")
    line = file.readline(LONGEST_LINE + 1)
    if on_bytes:
        on_bytes(len(line))
    if len(line) > LONGEST_LINE:
        raise LongLineError(f"{place}: a line of more than {LONGEST_LINE >> 20} MiB")
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
    """Read on to where the line that was begun ends."""
    while (piece := file.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass


def features_of(record):
    """Return the (N, D) float32 frames of a record, from the stream or from the file it names."""
    path = require(record, "features")
    if record.array is not None:
        return record.array
    if path == "-":
        raise InputError('"features" is not a file name')
    with open_file(path) as file:
        try:
            return read_npy(file, path)
        except LostError as error:  # in a file of its own, which hides nothing
            raise InputError(str(error)) from None


def write_record(record, out):
    """Write a record and the array it carries, and flush, so that the next tool can start at once."""
    out.write(serialize(record))
    if record.get("features") == "-":
        write_npy(out, record.array)
    out.flush()
