"""Records and arrays on files and pipes, and output that takes its name when it is whole.

A stream is JSON Lines. Where a record says `"features": "-"` the NPY bytes of its array follow the
line, so frames travel through a pipe with no file between (see su-records(5)).
"""

import contextlib
import fcntl
import math
import os
import stat
import sys

import numpy as np

from units.records import InputError, Record, parse, serialize

NPY_MAGIC = b"\x93NUMPY"
_PIECE = 1 << 24  # bytes read at once, so that a header which lies cannot make us allocate what it claims


def raise_fault(error):
    """Raise the error: what a reader does with a bad line unless told otherwise."""
    raise error


def open_input(path):
    """Return the binary file of a path; '-' is standard input."""
    if path == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
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
    number, pending = 0, b""
    while line := pending + file.readline():
        pending = b""
        number += 1
        place = f"{path}:{number}"
        if on_bytes:
            on_bytes(len(line))
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            record = parse(line, place)
            if record.get("features") == "-":
                record.array = read_npy(file, place)
        except InputError as error:
            on_fault(error)
            pending = _skip_array(file, place)
            continue
        yield record


def _skip_array(file, place):
    """Read past the array of a line that could not be parsed; return what else was read instead."""
    head = file.read(len(NPY_MAGIC))
    if head != NPY_MAGIC:
        return head
    with contextlib.suppress(InputError):  # its line was reported already
        read_npy(_Prefixed(head, file), place)
    return b""


class _Prefixed:
    """A reader that gives back bytes already taken from a pipe."""

    def __init__(self, head, file):
        self.head, self.file = head, file

    def read(self, size):
        head, self.head = self.head[:size], self.head[size:]
        return head + self.file.read(size - len(head)) if len(head) < size else head


def read_npy(file, place):
    """Return the (N, D) float32 array of the NPY bytes that a file object holds next.

    The file needs only `read`: a pipe will do. Raises InputError for anything that is not a finite
    floating-point matrix, or where the bytes end early. Nothing is ever unpickled.
    """
    try:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read_header(file)
    except (ValueError, KeyError, EOFError):
        raise InputError(f"{place}: no NPY array where one should be") from None
    if dtype.kind != "f" or len(shape) != 2 or not all(type(n) is int for n in shape):
        raise InputError(
            f"{place}: the array is {dtype} of shape {shape}, not (frames, dimensions) of floats"
        )
    data = _read_exactly(file, math.prod(shape) * dtype.itemsize, place)
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    array = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(array).all():
        frame = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"{place}: frame {frame} of the array holds NaN or infinity")
    return array


def _read_exactly(file, size, place):
    data = bytearray()
    while len(data) < size:
        piece = file.read(min(_PIECE, size - len(data)))
        if not piece:
            raise InputError(f"{place}: the array ends early, {len(data)} of {size} bytes")
        data += piece
    return data


def features_of(record):
    """Return the (N, D) float32 frames of a record, from the stream or from the file it names."""
    if "features" not in record:
        raise InputError('no "features"')
    if record.array is not None:
        return record.array
    path = record["features"]
    if not isinstance(path, str) or path in ("", "-"):
        raise InputError('"features" is not a file name')
    try:
        with open(path, "rb") as file:
            return read_npy(file, path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def write_record(record, out):
    """Write a record and the array it carries, and flush, so that the next tool can start at once."""
    out.write(serialize(record))
    if isinstance(record, Record) and record.get("features") == "-" and record.array is not None:
        np.lib.format.write_array(out, np.ascontiguousarray(record.array, np.float32), allow_pickle=False)
    out.flush()


@contextlib.contextmanager
def create(path):
    """Give a binary file to write that takes the name `path` only when the block ends without error.

    None and '-' are standard output. What is not a regular file (a FIFO, /dev/null) is written directly.
    Beside the name a hidden .part file is written and locked, so a second copy of the same job refuses,
    and one left behind by a killed job is taken over by the next.
    """
    if path in (None, "-"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = os.path.realpath(path)
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        with open(path, "wb") as file:
            yield file
        return
    part = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.part")
    file = _open_part(part, path)
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    finally:
        with contextlib.suppress(OSError):  # on a full disk what is buffered fails once more here
            file.close()


def _open_part(part, path):
    while True:
        try:
            file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "wb")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between our open and our lock another job may have finished and renamed this very file.
            if os.path.exists(part) and os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                file.truncate()
                return file
        except BlockingIOError:
            file.close()
            raise InputError(f"{path}: another process is writing it") from None
        file.close()
