"""NPY arrays that come along a stream, read without seeking, and never more of them than is there.

Nothing is ever unpickled.
"""

import math
import os
import warnings
from tokenize import TokenError

import numpy as np

from units.files.opening import open_file
from units.records import InputError, LostError

NPY_MAGIC = b"\x93NUMPY"
_LONGEST = 1 << 32  # of any dimension of an array
_LONGEST_HEADER = 1 << 16  # bytes: NPY 2.0 may claim 4 GiB, which numpy would read before it complains
# what numpy's reader of headers, which are Python literals, comes to grief with
BAD_HEADER = (
    *(ValueError, TypeError, LookupError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError),
)
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_PIECE = 1 << 24  # bytes read at once, so that a header which lies cannot make us allocate what it claims


class _Header:
    """A file of which no more is read at once than a header may hold."""

    def __init__(self, file):
        self._file = file

    def read(self, size):
        if size > _LONGEST_HEADER:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)


# That a header is as Python 2 wrote them matters to nobody. This is set once: threads that each set
# and restore the filters of warnings can leave all of them ignored.
warnings.filterwarnings("ignore", r"Reading `\.npy`", UserWarning)


def is_array_next(file):
    """Return whether an array comes next in a buffered file, and no record."""
    return file.peek(1)[:1] == NPY_MAGIC[:1]  # no line of UTF-8 begins with that byte


def pass_array(file, place):
    """Read past an array that belongs to no record, its line having been reported."""
    if is_array_next(file):
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


def read_header(file):
    """Return (shape, whether in Fortran order, dtype) of an NPY file; raise one of BAD_HEADER."""
    return _READERS[np.lib.format.read_magic(file)](file)


def read_tail(path, most):
    """Return what stands behind the array in an NPY file, at most `most` bytes of it; readers pass over it.

    Raises InputError where the file cannot be read, is no NPY file, or its array is cut short.
    """
    with open_file(path, pipes=False) as file:
        shape, _, dtype = _read_header(file, path)
        end = file.tell() + math.prod(shape) * dtype.itemsize
        if end > os.fstat(file.fileno()).st_size:
            raise InputError(f"{path}: the array ends early")
        file.seek(end)
        return file.read(most)


def _read_header(file, place):
    """Return (shape, whether in Fortran order, dtype) of the NPY bytes that come next."""
    try:
        shape, fortran, dtype = read_header(_Header(file))
    except BAD_HEADER:
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
