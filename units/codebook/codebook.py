"""The codebook: K centroids, how frames are normalised before they are compared with them, and its file.

The file is an uncompressed NPZ without times, so that the same codebook gives the same bytes.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.files.arrays import NPY_MAGIC, parse_array, read_members, save_arrays
from units.files.damage import damaged
from units.files.opening import read_whole
from units.records import InputError

# codebooks of the encoder `small` that come with the package, so that corpora can have the same units
SHARED = {"small": "codebook-100.npz", "small-256": "codebook-256.npz"}
_SMALL = os.path.join(os.path.dirname(os.path.dirname(__file__)), "encoders", "small")
_ARRAYS = ("centroids", "mean", "scale", "projection", "encoder")
_LARGEST = 1 << 28  # bytes of a codebook's arrays: 20,000 centroids of 3,300 dimensions
_BLOCK = 4096  # frames normalised at once


@dataclass(frozen=True)
class Codebook:
    """K centroids, and how frames are normalised before they are compared with them.

    centroids: (K, R) float32. mean, scale: (D,) float32; each frame becomes (frame - mean) / scale.
    projection: (W D, R) float32 or None. If there is one, W consecutive normalised frames, centred on the
    current one, are concatenated and multiplied by it; at an edge the outermost frame is repeated. encoder:
    the name of the encoder that made the frames.
    """

    centroids: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    encoder: str = ""
    projection: np.ndarray | None = None

    @cached_property
    def hash(self):
        """A short hash of the content; the name and place of the file do not matter."""
        digest = hashlib.sha256(self.encoder.encode())
        for array in self.arrays().values():
            digest.update(np.ascontiguousarray(array, "<f4"))
        return digest.hexdigest()[:12]

    @property
    def context(self):
        """W, the number of frames that decide one unit."""
        return 1 if self.projection is None else len(self.projection) // len(self.mean)

    def arrays(self):
        """Return {name: array} of all arrays of the file, except the encoder's name."""
        arrays = {"centroids": self.centroids, "mean": self.mean, "scale": self.scale}
        return arrays if self.projection is None else {**arrays, "projection": self.projection}

    def check(self, frames):
        """Raise InputError if frames have another number of dimensions than the codebook."""
        if frames.shape[1] != len(self.mean):
            raise InputError(
                f"the frames have {frames.shape[1]} dimensions, but the codebook has {len(self.mean)}"
            )

    def check_encoder(self, encoder, remedy=""):
        """Raise InputError if frames come from another encoder than the codebook's.

        encoder: the name in the frames' record, None if it has none. remedy: what the user can do.
        """
        if encoder and self.encoder and encoder != self.encoder:
            hint = f" ({remedy})" if remedy else ""
            raise InputError(
                f"these frames come from {encoder}, but the codebook was made for {self.encoder}{hint}"
            )

    def normalize(self, frames):
        """Return the (N, D) frames of one record as the centroids expect them, (N, R) float32.

        Raises InputError if the frames have another D.
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
    save_arrays({**book.arrays(), "encoder": np.array(book.encoder)}, file)


def load_codebook(path):
    """Return the Codebook in an .npz of su-cluster, or of a plain (K, D) .npy.

    path: a file, or one of the names in SHARED, which always mean the codebook of the package: a file of that
    name is ./small. Raises InputError, naming the file, if it is not a codebook, or if its arrays do not fit
    each other. Reads at most 256 MiB, compressed or not.
    """
    if path in SHARED:
        path = os.path.join(_SMALL, SHARED[path])
    content = read_whole(path, _LARGEST)
    with damaged(path, "a codebook"):
        return parse_codebook(content)


def shared_units(found):
    """Return the number of units of the codebook of SHARED that has this hash, 0 if none of them has it.

    A corpus with a shared codebook need not have all of its units, but models of it must know them.
    """
    books = map(load_codebook, SHARED)
    return next((len(book.centroids) for book in books if book.hash == found), 0)


def parse_codebook(content):
    """Return the Codebook in the bytes of its file; raise one of damage.FAULTS if it is not one."""
    if len(content) > _LARGEST:
        raise ValueError(f"more than {_LARGEST >> 20} MiB")
    if content.startswith(NPY_MAGIC):
        centroids = parse_array(content)
        if not centroids.size:  # an empty array may have any number of dimensions
            raise ValueError(f"centroids of shape {centroids.shape}, not (K, D)")
        dimensions = centroids.shape[-1]
        book = Codebook(centroids, np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32))
    else:
        members = read_members(content, _ARRAYS, optional=("projection",), most=_LARGEST)
        encoder = str(parse_array(members.pop("encoder"), "U"))
        book = Codebook(**{name: parse_array(member) for name, member in members.items()}, encoder=encoder)
    _check(book)
    return book


def _check(book):
    """Raise ValueError if the arrays of a codebook do not fit each other, or are not finite."""
    if book.centroids.ndim != 2 or not book.centroids.size:
        raise ValueError(f"centroids of shape {book.centroids.shape}, not (K, D)")
    if not all(np.isfinite(array).all() for array in book.arrays().values()):
        raise ValueError("it has NaN or infinity")
    if book.mean.ndim != 1 or book.mean.shape != book.scale.shape or not (book.scale > 0).all():
        raise ValueError("mean and scale must have one number per dimension, and scale must be positive")
    rows = book.mean.shape if book.projection is None else book.projection.shape[1:]
    if rows != book.centroids.shape[1:] or (
        book.projection is not None
        and (book.projection.ndim != 2 or len(book.projection) % len(book.mean) or not book.context % 2)
    ):
        raise ValueError("its arrays do not fit each other")
    _ = book.hash  # fails if the encoder's name is not text
