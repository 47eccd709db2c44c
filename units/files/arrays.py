"""Arrays in NPY and NPZ files and streams. Nothing is unpickled, and no array is larger than its file.

NPZ files are written uncompressed and without times, so that the same arrays give the same bytes.
"""

import io
import math
import os
import warnings
import zipfile

import numpy as np

from units.files.damage import FAULTS, damaged
from units.files.opening import open_file, read_whole
from units.records import InputError, LostError

NPY_MAGIC = b"\x93NUMPY"
_LONGEST = 1 << 32  # of any dimension of an array
_LONGEST_HEADER = 1 << 16  # bytes: NPY 2.0 may claim 4 GiB, which numpy would read before it complains
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_PIECE = 1 << 24  # bytes read at once, so that a false header cannot make us allocate what it claims
_LARGEST = 1 << 34  # bytes of an archive: the units of a hundred thousand hours
_MOST_ENTRIES = 64  # in the archive's directory, which zipfile would read completely

# Headers written by Python 2 make numpy warn. The filter is set once: threads that each set and restore the
# filters of warnings can leave all of them ignored.
warnings.filterwarnings("ignore", r"Reading `\.npy`", UserWarning)


class _Header:
    """A file that refuses to read more at once than a header may hold."""

    def __init__(self, file):
        self._file = file

    def read(self, size):
        if size > _LONGEST_HEADER:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)


def is_array_next(file):
    """Return whether a buffered file goes on with an array and not with a record."""
    return file.peek(1)[:1] == NPY_MAGIC[:1]  # no line of UTF-8 begins with that byte


def pass_array(file, place):
    """Skip the array, if there is one, of a record that was already reported as faulty."""
    if is_array_next(file):
        try:
            read_npy(file, place)
        except LostError:
            raise
        except InputError:
            return


def read_npy(file, place):
    """Return the (N, D) float32 array in the NPY bytes that a file object holds next.

    The file needs only `read`, so a pipe works. Raises InputError for anything that is not a finite matrix of
    floats, and LostError if the end of the array cannot be determined.
    """
    shape, fortran, dtype = _read_header(file, place)
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind != "f" or len(shape) != 2:
        _skip_bytes(file, size)
        raise InputError(
            f"{place}: the array is {dtype} of shape {shape}, not (frames, dimensions) of floats"
        )
    array = _array_of(_read_exactly(file, size, place), shape, fortran, dtype)
    if not np.isfinite(array).all():
        frame = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"{place}: frame {frame} of the array has NaN or infinity")
    return array


def read_tail(path, most):
    """Return the bytes after the array in an NPY file, at most `most`. Other readers ignore them.

    Raises InputError if the file cannot be read, is not an NPY file, or its array is incomplete.
    """
    with open_file(path, pipes=False) as file:
        shape, _, dtype = _read_header(file, path)
        end = file.tell() + math.prod(shape) * dtype.itemsize
        if end > os.fstat(file.fileno()).st_size:
            raise InputError(f"{path}: the array ends early")
        file.seek(end)
        return file.read(most)


def write_header(file, shape):
    """Write the NPY header of a float32 array of that shape, to be followed by its bytes."""
    header = {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


def write_npy(file, array):
    """Write an (N, D) array as float32 NPY; the inverse of `read_npy`.

    numpy's own writer does not report a broken pipe or a full disk as such.
    """
    array = np.ascontiguousarray(array, "<f4")
    if array.ndim != 2:
        raise ValueError(f"an array of shape {array.shape} cannot be the frames of a record")
    write_header(file, array.shape)
    file.write(array)


def parse_array(content, kind="f"):
    """Return the array in the bytes of an NPY file, floats as float32.

    kind: the kind of its dtype, as numpy names it. Raises one of damage.FAULTS if it is another or damaged.
    """
    file = io.BytesIO(content)
    shape, fortran, dtype = _READERS[np.lib.format.read_magic(file)](file)
    if dtype.kind != kind or dtype.fields or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of {dtype}, shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError("an array ends early")
    return _array_of(memoryview(content)[file.tell() :], shape, fortran, dtype)


def _array_of(data, shape, fortran, dtype):
    """Return bytes as an array, floats as float32 in C order. Too large floats become infinity."""
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    if dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)


def _read_header(file, place):
    """Return (shape, whether in Fortran order, dtype) of the NPY bytes that come next."""
    try:
        header = _Header(file)
        shape, fortran, dtype = _READERS[np.lib.format.read_magic(header)](header)
    except OSError:
        raise
    except FAULTS:
        raise LostError(f"{place}: an NPY array is expected here") from None
    if dtype.hasobject or not all(type(n) is int and 0 <= n < _LONGEST for n in shape):
        raise LostError(f"{place}: the array is {dtype} of shape {shape}, which cannot be read")
    return shape, fortran, dtype


def _skip_bytes(file, size):
    while size > 0 and (piece := file.read(min(_PIECE, size))):
        size -= len(piece)


def _read_exactly(file, size, place):
    data = bytearray()
    while len(data) < size:
        piece = file.read(min(_PIECE, size - len(data)))
        if not piece:
            raise InputError(f"{place}: the array ends early, after {len(data)} of {size} bytes")
        data += piece
    return data


def save_arrays(arrays, file):
    """Write {name: array} to a binary file as NPZ; the same arrays give the same bytes."""
    complete = io.BytesIO()  # what zipfile writes depends on whether it can seek
    with zipfile.ZipFile(complete, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    file.write(complete.getbuffer())


def read_members(content, names, optional=(), most=1 << 28):
    """Return {name: bytes of an NPY file} of an archive; raise one of damage.FAULTS if they are missing.

    most: bytes that they may hold together.
    """
    if content.count(b"PK\x01\x02") > _MOST_ENTRIES:
        raise ValueError(f"more than {_MOST_ENTRIES} arrays")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = set(archive.namelist())
        names = [name for name in names if name not in optional or f"{name}.npy" in held]
        if sum(archive.getinfo(f"{name}.npy").file_size for name in names) > most:
            raise ValueError(f"more than {most >> 20} MiB")
        return {name: archive.read(f"{name}.npy") for name in names}


def load_arrays(path, kinds, what):
    """Return {name: array} of an NPZ file, each in memory of its own.

    kinds: {name: kind of its dtype}; what: the thing that a damaged file is reported not to be. Raises
    InputError.
    """
    content = read_whole(path, _LARGEST)
    with damaged(path, what):
        members = read_members(content, kinds, most=len(content))
        return {name: parse_array(members[name], kind).copy() for name, kind in kinds.items()}
