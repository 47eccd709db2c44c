"""Frames of whole recordings for the aligner: mfcc, and those of a learned encoder, kept in a folder."""

import os
import sys

import numpy as np

from units.audio.reading import Reader
from units.encoders.models import load_encoder

MFCC = 39  # components of mfcc that are kept
LEARNED = 64  # components of a learned encoder that are kept
SECONDS = 0.02  # between frames
LEAD = 0.0025  # s from the time of a frame's number to the middle between its centre and the one before
_QUIET = 0.35  # of the range of loudness; frames below are taken for silence at first


class Frames:
    """Makes the frames of recordings: whitened as those of the first recordings that it gets.

    encoder: the name or folder of a learned encoder whose frames are used next to mfcc, or None.
    """

    def __init__(self, encoder=None):
        self._kept = {"mfcc": MFCC} | ({encoder: LEARNED} if encoder else {})
        self._maps = {}

    def load(self, records, cache):
        """Return ([(n, D) float32], [(n,) bool]): frames of each record's whole file, and which are loud.

        cache: folder of one array per encoder; it is of use only for the same records in the same order.
        """
        os.makedirs(cache, exist_ok=True)
        together, loud = [], []
        for name in self._kept:
            lengths, rows = stored(records, name, cache)
            stops = np.cumsum(lengths)[:-1]
            together.append(self._whiten(name, rows, lengths))
            if name == "mfcc":
                loud = [_is_loud(block[:, 0].astype(np.float32)) for block in np.split(rows, stops)]
        return np.split(np.concatenate(together, axis=1), stops), loud

    def _whiten(self, name, rows, lengths):
        """Return components of equal variance, after each recording's own mean and scale are removed."""
        normal, start = np.empty(rows.shape, np.float32), 0
        for length in lengths:
            own = rows[start : start + length].astype(np.float32)
            normal[start : start + length] = (own - own.mean(0)) / (own.std(0) + 1e-2)
            start += length
        if name not in self._maps:
            values, vectors = np.linalg.eigh(np.cov(normal[:: max(1, len(normal) // 200_000)].T))
            best = np.argsort(values)[::-1][: self._kept[name]]
            self._maps[name] = (vectors[:, best] / np.sqrt(values[best] + 1e-3)).astype(np.float32)
        return normal @ self._maps[name]


def stored(records, name, cache):
    """Return (lengths, rows) of all files, from the cache if it has them; rows is (sum of lengths, D)."""
    paths = [record["audio_filepath"] for record in records]
    file = os.path.join(cache, f"{os.path.basename(name)}.npz")
    if os.path.exists(file):
        with np.load(file) as found:
            if list(found["paths"]) == paths:
                return found["lengths"], found["rows"]
    encoder, load, blocks = load_encoder(name, device="cpu"), Reader().load, []
    for number, path in enumerate(paths):
        if number % 500 == 0:
            sys.stderr.write(f"{name}: {number} of {len(paths)} files\n")
        rows = np.asarray(encoder.encode(load(path))).reshape(-1, encoder.dimension)
        blocks.append(rows.astype(np.float16))
    lengths, rows = np.array([len(block) for block in blocks]), np.concatenate(blocks)
    np.savez(file, paths=np.array(paths), lengths=lengths, rows=rows)
    return lengths, rows


def _is_loud(energies):
    low, high = np.percentile(energies, [5, 95])
    return energies > low + _QUIET * (high - low)
