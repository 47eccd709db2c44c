"""The frames of an index in a compact form, which spoken queries are compared with.

A frame is z-scored, projected onto the first principal components of its corpus and scaled to length one, so
that the cosine of two frames is their product. Each dimension takes one byte. With each frame comes how
common it is: its mean cosine with the nearest frames of a sample. Common sounds are near everything, so they
are worth less (cross-domain similarity local scaling, Conneau et al. 2018, arXiv 1710.04087).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.codebook.kmeans import fit_codebook
from units.codebook.runs import run_lengths
from units.config import ClusterConfig
from units.metrics.dtw import unit_length
from units.records import InputError

DIMENSIONS = 32
_SAMPLE = 1000  # frames that others are compared with, to see how common they are
_NEAREST = 4
_FIT = 300_000  # frames that the projection is made from: the first hour or two
_CLASSES = 255  # of sounds, for the first look at a large corpus; the class after the last is a separator
_UNIT = 127  # a byte for 1.0
_BLOCK = 4096


@dataclass(frozen=True)
class Space:
    """How frames become vectors of length one, and a sample of these.

    mean: (D,); weight: (D, R); sample: (S, R) vectors; classes: (C, R) centroids of vectors; all float32.
    encoder: the name of the encoder that made the frames.
    """

    mean: np.ndarray
    weight: np.ndarray
    sample: np.ndarray
    classes: np.ndarray
    encoder: str = ""

    def project(self, frames):
        """Return the (N, R) float32 vectors of (N, D) frames. Raises InputError if they have another D."""
        if frames.shape[1] != len(self.mean):
            raise InputError(
                f"the frames have {frames.shape[1]} dimensions, but those of the index have {len(self.mean)}"
            )
        return unit_length((frames - self.mean) @ self.weight)

    def classify(self, vectors):
        """Return the class of each of (N, R) vectors, (N,) uint8."""
        found = np.empty(len(vectors), np.uint8)
        for start in range(0, len(vectors), _BLOCK):
            block = vectors[start : start + _BLOCK]
            found[start : start + _BLOCK] = (block @ self.classes.T).argmax(axis=1)
        return found

    def class_common(self):
        """Return how common each class is, (C,) float32."""
        return self.commonness(self.classes)

    def commonness(self, vectors):
        """Return the mean cosine of (N, R) vectors with the nearest ones of the sample, (N,) float32."""
        nearest = min(_NEAREST, len(self.sample))
        found = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), _BLOCK):
            cosines = vectors[start : start + _BLOCK] @ self.sample.T
            found[start : start + _BLOCK] = np.partition(cosines, -nearest, axis=1)[:, -nearest:].mean(axis=1)
        return found


def fit_space(frames, encoder="", seed=0):
    """Return the Space of (N, D) frames, a sample of a corpus."""
    frames = np.asarray(frames, np.float32)
    mean = frames.mean(axis=0, dtype=np.float64)
    scale = frames.std(axis=0, dtype=np.float64) + 1e-6
    normal = (frames - mean) / scale
    _, axes = np.linalg.eigh(normal.T @ normal / len(frames))
    weight = (axes[:, : -1 - DIMENSIONS : -1] / scale[:, None]).astype(np.float32)
    mean = mean.astype(np.float32)
    vectors = unit_length((frames - mean) @ weight)
    chosen = np.random.default_rng(seed).permutation(len(frames))[:_SAMPLE]
    config = ClusterConfig(k=min(_CLASSES, len(frames)), normalize=False, nredo=1)
    book, _ = fit_codebook(vectors.copy(), config, seed, device="cpu")
    return Space(mean, weight, vectors[np.sort(chosen)], unit_length(book.centroids), encoder)


@dataclass(frozen=True)
class Sounds:
    """The frames of N recordings.

    frames: (T, R) int8; common: (T,) int8; edges: (N + 1,) int64, the frames at which recordings begin and
    end; text: (M,) uint8, the classes of runs of frames, with a separator after each recording; counts: (M,)
    uint32, frames per run, 0 for a separator.
    """

    space: Space
    frames: np.ndarray
    common: np.ndarray
    edges: np.ndarray
    text: np.ndarray
    counts: np.ndarray

    @cached_property
    def run_edges(self):
        """The frame at which each run begins, and the end of the last one, (M + 1,) int64."""
        return np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])

    @cached_property
    def _texts(self):
        """The place in the text at which each recording begins, and its end, (N + 1,) int64."""
        return np.concatenate([[0], np.flatnonzero(self.counts == 0) + 1])

    def recording(self, number):
        """Return the frames, the commonness, the text and the counts of a recording."""
        part = slice(self.edges[number], self.edges[number + 1])
        runs = slice(self._texts[number], self._texts[number + 1])
        return self.frames[part], self.common[part], self.text[runs], self.counts[runs]

    def vectors(self, places):
        """Return the (P, R) float32 vectors and the (P,) float32 commonness of frames."""
        return self.frames[places].astype(np.float32) / _UNIT, self.common[places].astype(np.float32) / _UNIT


class SoundsBuilder:
    """Collects the frames of recordings, one after another; memory is some R + 2 bytes per frame.

    The space is that of the first _FIT frames, or the given one.
    """

    def __init__(self, space=None, encoder=""):
        self._space, self._encoder = space, encoder
        self._waiting, self._parts = [], []

    def add(self, frames):
        """Add the (N, D) frames of a recording."""
        if self._space is not None:
            self._parts.append(self._compact(frames))
            return
        self._waiting.append(np.asarray(frames, np.float32))
        if sum(map(len, self._waiting)) >= _FIT:
            self._settle()

    def keep(self, sounds, number):
        """Add a recording of other Sounds of the same space."""
        self._parts.append(sounds.recording(number))

    def finish(self):
        """Return the Sounds, None if there are no frames at all."""
        if self._space is None and any(map(len, self._waiting)):
            self._settle()
        if self._space is None:
            return None
        frames, common, text, counts = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
        edges = np.cumsum([0, *(len(part[1]) for part in self._parts)], dtype=np.int64)
        return Sounds(self._space, frames, common, edges, text, counts)

    def _settle(self):
        self._space = fit_space(np.concatenate(self._waiting), self._encoder)
        self._parts += [self._compact(frames) for frames in self._waiting]
        self._waiting = []

    def _compact(self, frames):
        vectors = self._space.project(frames)
        common = self._space.commonness(vectors)
        units, counts = run_lengths(self._space.classify(vectors))
        compact = (np.rint(values * _UNIT).astype(np.int8) for values in (vectors, common))
        separator = len(self._space.classes)
        return (
            *compact,
            np.append(units, separator).astype(np.uint8),
            np.append(counts, 0).astype(np.uint32),
        )


def check(sounds, recordings):
    """Raise ValueError if the arrays of Sounds do not fit each other, or the number of recordings."""
    space, separator = sounds.space, len(sounds.space.classes)
    size = space.weight.shape[-1]
    if not (
        space.weight.shape == (len(space.mean), size)
        and space.sample.shape[1:] == space.classes.shape[1:] == sounds.frames.shape[1:] == (size,)
        and sounds.common.shape == sounds.frames.shape[:1]
        and sounds.text.shape == sounds.counts.shape == (len(sounds.text),)
        and 0 < separator <= _CLASSES
        and len(space.sample)
    ):
        raise ValueError("its arrays of frames do not fit each other")
    if not all(np.isfinite(part).all() for part in (space.mean, space.weight, space.sample, space.classes)):
        raise ValueError("it has NaN or infinity")
    ends = np.flatnonzero(sounds.counts == 0)
    edges = np.concatenate([[0], sounds.run_edges[ends + 1]])
    if len(sounds.edges) != recordings + 1 or not np.array_equal(edges, sounds.edges):
        raise ValueError("its frames do not fit its records")
    if edges[-1] != len(sounds.common) or not np.array_equal(np.flatnonzero(sounds.text >= separator), ends):
        raise ValueError("its frames do not fit each other")
