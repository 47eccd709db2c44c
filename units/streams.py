"""Records and arrays on files and pipes, and output that takes its name when it is whole.

A stream is JSON Lines. Where a record says `"features": "-"` the NPY bytes of its array follow the
line, so frames travel through a pipe with no file between (see su-records(5)).
"""

import contextlib
import errno
import fcntl
import math
import os
import stat
import sys
from tokenize import TokenError

import numpy as np

from units.records import InputError, parse, serialize

NPY_MAGIC = b"\x93NUMPY"
_LONGEST = 1 << 32  # of any dimension of an array
# what numpy's reader of headers, which are Python literals, comes to grief with
_BAD_HEADER = (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PIECE = 1 << 24  # bytes read at once, so that a header which lies cannot make us allocate what it claims


class LostError(InputError):
    """The input is at fault in a way that hides where the next record begins, so none can be skipped."""


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
            _pass_array(file, place)
            continue
        if record is not None:
            yield record


def _read_one(file, place, first, on_bytes):
    """Return the next record with its array; None for a blank line."""
    if _is_array_next(file):
        _pass_array(file, place)
        raise InputError(f"{place}: an array where a record should be")
    line = file.readline()
    if on_bytes:
        on_bytes(len(line))
    if first:
        line = line.removeprefix(b"\xef\xbb\xbf")
    if not line.strip():
        return None
    record = parse(line, place)
    if record.get("features") == "-":
        if not _is_array_next(file):
            raise InputError(f'{place}: "features" is "-" but no array follows')
        record.array = read_npy(file, place)
    return record


def _is_array_next(file):
    return file.peek(1)[:1] == NPY_MAGIC[:1]  # no line of UTF-8 begins with that byte


def _pass_array(file, place):
    """Read past an array that belongs to no record, its line having been reported."""
    if _is_array_next(file):
        try:
            read_npy(file, place)
        except LostError:
            raise
        except InputError:
            return


def read_npy(file, place):
    """Return the (N, D) float32 array of the NPY bytes that a file object holds next.

    The file needs only `read`: a pipe will do. Raises InputError for anything that is not a finite
    floating-point matrix, and LostError where it cannot be told how long it is. Nothing is ever unpickled.
    """
    shape, fortran, dtype = _read_header(file, place)
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind != "f" or len(shape) != 2:
        _pass_bytes(file, size)
        raise InputError(
            f"{place}: the array is {dtype} of shape {shape}, not (frames, dimensions) of floats"
        )
    data = _read_exactly(file, size, place)
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):  # what float32 cannot hold is found as infinity
        array = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(array).all():
        frame = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"{place}: frame {frame} of the array holds NaN or infinity")
    return array


def _read_header(file, place):
    """Return (shape, whether in Fortran order, dtype) of the NPY bytes that come next."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = readers[version](file)
    except (*_BAD_HEADER, KeyError):
        raise LostError(f"{place}: no NPY array where one should be") from None
    if dtype.hasobject or not all(type(n) is int and 0 <= n < _LONGEST for n in shape):
        raise LostError(f"{place}: the array is {dtype} of shape {shape}, which is never read")
    return shape, fortran, dtype


def _pass_bytes(file, size):
    while size > 0 and (piece := file.read(min(_PIECE, size))):
        size -= len(piece)


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
    except ValueError as error:  # a NUL, or a lone surrogate that stands for no byte
        raise InputError(f'"features" is not a file name: {error}') from None


def write_record(record, out):
    """Write a record and the array it carries, and flush, so that the next tool can start at once."""
    out.write(serialize(record))
    if record.get("features") == "-":
        _write_npy(np.ascontiguousarray(record.array, np.float32), out)
    out.flush()


def _write_npy(array, out):
    """Write NPY 1.0. numpy's own writer does not tell a broken pipe or a full disk from any other trouble."""
    if array.ndim != 2:
        raise ValueError(f"an array of shape {array.shape} cannot be the frames of a record")
    np.lib.format.write_array_header_1_0(out, np.lib.format.header_data_from_array_1_0(array))
    out.write(array)


@contextlib.contextmanager
def create(path):
    """Give a binary file to write that takes the name `path` only when the block ends without error.

    None and '-' are standard output. What is not a regular file (a FIFO, /dev/null) is written directly.
    Beside the name a hidden .part file is written and locked, so a second copy of the same job refuses,
    and one left behind by a killed job is taken over by the next.
    """
    if path in (None, "-"):
        if sys.stdout is None:
            raise InputError("standard output is closed")
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
    except BaseException as error:
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            error.filename = path
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
        except BlockingIOError:
            file.close()
            raise InputError(f"{path}: another process is writing it") from None
        except OSError:  # a file system without locks
            pass
        # Between our open and our lock another job may have finished and renamed this very file.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                file.truncate()
                return file
        file.close()
