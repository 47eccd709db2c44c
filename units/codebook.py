"""The codebook: K centroids, what happens to a frame before it meets them, and its file.

A file is an .npz of uncompressed arrays with no time in it, so that the same codebook is the same bytes.
Nothing is ever unpickled, and no more is read than such a file may hold.
"""

import hashlib
import io
import math
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.records import InputError
from units.streams import NPY_MAGIC

_ARRAYS = ("centroids", "mean", "scale", "projection", "encoder")
_LARGEST = 1 << 29  # bytes of a codebook file: 20,000 centroids of 5 frames of 1280 dimensions
_MOST_ENTRIES = 64  # in the archive's directory, which zipfile would read whole
_BLOCK = 4096  # frames normalised at once
_FAULTS = (ValueError, LookupError, EOFError, OSError, RuntimeError, ArithmeticError, MemoryError)
_ARCHIVE_FAULTS = (zipfile.BadZipFile, zlib.error, tokenize.TokenError)


@dataclass(frozen=True)
class Codebook:
    """K centroids, and what happens to a frame before it meets them.

    centroids: (K, R) float32. mean, scale: (D,) float32; each frame becomes (frame - mean) / scale.
    projection: (W D, R) float32, where there is one: then W such frames, the middle one its own, stand side
    by side and are multiplied by it; at an edge the outermost frame is repeated. encoder: their maker.
    """

    centroids: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    encoder: str = ""
    projection: np.ndarray | None = None

    @cached_property
    def hash(self):
        """A short hash of the content, the same wherever the file lies."""
        digest = hashlib.sha256(self.encoder.encode())
        for array in self.arrays().values():
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()[:12]

    @property
    def context(self):
        """How many frames, W, one unit is decided by."""
        return 1 if self.projection is None else len(self.projection) // len(self.mean)

    def arrays(self):
        """Return {name: array} of what the file holds beside the encoder's name."""
        arrays = {"centroids": self.centroids, "mean": self.mean, "scale": self.scale}
        return arrays if self.projection is None else {**arrays, "projection": self.projection}

    def check(self, frames):
        """Raise InputError where frames have not as many dimensions as those the codebook was made of."""
        if frames.shape[1] != len(self.mean):
            raise InputError(
                f"frames of {frames.shape[1]} dimensions, but the codebook is of {len(self.mean)}"
            )

    def normalize(self, frames):
        """Return the (N, D) frames of one record as the centroids expect them, (N, R) float32.

        Raises InputError where the frames have another D.
        """
        normalized = np.empty((len(frames), self.centroids.shape[1]), np.float32)
        for start, block in self.blocks(frames):
            normalized[start : start + len(block)] = block
        return normalized

    def blocks(self, frames):
        """Yield (start, normalised block), so that a long record need not be held twice."""
        self.check(frames)
        side = self.context // 2
        for start in range(0, len(frames), _BLOCK):
            stop = min(start + _BLOCK, len(frames))
            index = np.clip(np.arange(start - side, stop + side), 0, len(frames) - 1)
            block = (frames[start:stop] if not side else frames[index]) - self.mean
            block = np.divide(block, self.scale, dtype=np.float32)
            yield start, block if self.projection is None else windows(block, self.context) @ self.projection


def windows(frames, context):
    """Return each frame between its neighbours, (N - context + 1, context * D).

    >>> windows(np.array([[1], [2], [3], [4]]), 3)
    array([[1, 2, 3],
           [2, 3, 4]])
    """
    count = len(frames) - context + 1
    return np.concatenate([frames[i : i + count] for i in range(context)], axis=1)


def save_codebook(book, file):
    """Write a codebook to a binary file as .npz; the same codebook gives the same bytes."""
    whole = io.BytesIO()  # what zipfile writes depends on whether it can seek
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {**book.arrays(), "encoder": np.array(book.encoder)}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue())
    file.write(whole.getbuffer())


def load_codebook(path):
    """Return the Codebook in an .npz that su-cluster wrote, or of a bare (K, D) .npy.

    Raises InputError naming the file where it is neither, or where its arrays do not fit each other. Reads at
    most 512 MiB, compressed or not.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    try:
        if len(content) > _LARGEST:
            raise ValueError(f"more than {_LARGEST >> 20} MiB")
        book = _parse(content)
        _check(book)
    except (*_FAULTS, *_ARCHIVE_FAULTS) as error:
        reason = next(iter(str(error).splitlines()), "") or "its content is damaged"
        raise InputError(f"{path}: not a codebook ({reason})") from None
    return book


def _parse(content):
    if content.startswith(NPY_MAGIC):
        centroids = _array(content)
        dimensions = centroids.shape[-1]
        return Codebook(centroids, np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32))
    if content.count(b"PK\x01\x02") > _MOST_ENTRIES:
        raise ValueError("more arrays than a codebook has")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = set(archive.namelist())
        names = [name for name in _ARRAYS if name != "projection" or "projection.npy" in held]
        if sum(archive.getinfo(f"{name}.npy").file_size for name in names) > _LARGEST:
            raise ValueError(f"more than {_LARGEST >> 20} MiB")
        members = {name: archive.read(f"{name}.npy") for name in names}
    encoder = str(_array(members.pop("encoder"), "U"))
    return Codebook(**{name: _array(member) for name, member in members.items()}, encoder=encoder)


def _array(content, kind="f"):
    """Return the array in the bytes of an NPY file, floats as float32; raise one of _FAULTS."""
    file = io.BytesIO(content)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = readers[np.lib.format.read_magic(file)](file)
    if dtype.kind != kind or dtype.fields or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"an array of {dtype}, shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise ValueError("an array ends early")
    array = np.frombuffer(content, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):  # infinity is refused with the rest of what is not finite
        return np.ascontiguousarray(array, np.float32) if kind == "f" else array


def _check(book):
    """Raise ValueError where the arrays of a codebook do not fit each other, or are not finite."""
    if book.centroids.ndim != 2 or not book.centroids.size:
        raise ValueError(f"centroids of shape {book.centroids.shape}, not (K, D)")
    if not all(np.isfinite(array).all() for array in book.arrays().values()):
        raise ValueError("NaN or infinity in it")
    if book.mean.ndim != 1 or book.mean.shape != book.scale.shape or not (book.scale > 0).all():
        raise ValueError("mean and scale are not one positive number a dimension")
    rows = book.mean.shape if book.projection is None else book.projection.shape[1:]
    if rows != book.centroids.shape[1:] or (
        book.projection is not None
        and (book.projection.ndim != 2 or len(book.projection) % len(book.mean) or not book.context % 2)
    ):
        raise ValueError("its arrays do not fit each other")
    _ = book.hash  # an encoder's name that is no text has none
