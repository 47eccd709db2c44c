"""Arrays in one .npz file: uncompressed, with no time in it, so that the same arrays are the same bytes.

Nothing is ever unpickled, and what a file claims is held against what it holds before anything is allocated.
"""

import io
import math
import struct
import zipfile
import zlib

import numpy as np

from units.files.npy import BAD_HEADER, read_header
from units.files.opening import read_whole
from units.records import InputError

# what reading a damaged or hostile file raises, here and in zipfile and numpy
FAULTS = (
    *BAD_HEADER,
    *(OSError, RuntimeError, ArithmeticError, zipfile.BadZipFile, zlib.error, struct.error),
)
_LARGEST = 1 << 34  # bytes of an archive: the units of a hundred thousand hours
_MOST_ENTRIES = 64  # in the archive's directory, which zipfile would read whole


def save_arrays(arrays, file):
    """Write {name: array} to a binary file; the same arrays give the same bytes."""
    whole = io.BytesIO()  # what zipfile writes depends on whether it can seek
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    file.write(whole.getbuffer())


def read_members(content, names, optional=(), most=1 << 28):
    """Return {name: bytes of an NPY file} of an archive; raise one of FAULTS where they are not there.

    most: bytes that they may hold together.
    """
    if content.count(b"PK\x01\x02") > _MOST_ENTRIES:
        raise ValueError("more arrays than belong there")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = set(archive.namelist())
        names = [name for name in names if name not in optional or f"{name}.npy" in held]
        if sum(archive.getinfo(f"{name}.npy").file_size for name in names) > most:
            raise ValueError(f"more than {most >> 20} MiB")
        return {name: archive.read(f"{name}.npy") for name in names}


def load_arrays(path, kinds, what):
    """Return {name: array} of the .npz file at a path that `np.savez` wrote, each of its own memory.

    kinds: {name: kind of its dtype}; what: what a file that is none is said not to be. Raises InputError.
    """
    content = read_whole(path, _LARGEST)
    try:
        members = read_members(content, kinds, most=len(content))
        return {name: parse_array(members[name], kind).copy() for name, kind in kinds.items()}
    except FAULTS as error:
        reason = next(iter(str(error).splitlines()), "") or "its content is damaged"
        raise InputError(f"{path}: not {what} ({reason})") from None


def parse_array(content, kind="f"):
    """Return the array in the bytes of an NPY file, floats as float32; raise one of FAULTS."""
    file = io.BytesIO(content)
    shape, fortran, dtype = read_header(file)
    if dtype.kind != kind or dtype.fields or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of {dtype}, shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError("an array ends early")
    array = np.frombuffer(content, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):  # infinity is refused with the rest of what is not finite
        return np.ascontiguousarray(array, np.float32) if kind == "f" else array
