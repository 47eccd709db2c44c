"""DTW distances between the tokens of many contexts, few or thousands in each, in bounded memory.

The distances between all frames of a context come from one matrix product; pairs of tokens of many
contexts then walk together, sorted by size (see `units.metrics.dtw`).
"""

from dataclasses import dataclass

import numpy as np

from units.metrics.dtw import BATCH, local_distances, warp

CELLS = 1 << 23  # local distances in memory at once: 32 MB


def distance_matrices(contexts, metric):
    """Return for each context the DTW distances of its pairs of tokens, (n, n) float32, 0 if not needed.

    contexts: list of (frames, lengths, needed): the frames of its tokens one after the other, (F,) int units
    or (F, D) float32 of unit length; (n,) how many each token has; (n, n) bool, which pairs are wanted, above
    the diagonal. metric: as for `units.metrics.dtw.local_distances`.
    """
    matrices = [np.zeros(needed.shape, np.float32) for _, _, needed in contexts]
    for strips in _strips(contexts, metric):
        buffer = np.concatenate([strip.cells.ravel() for strip in strips])
        origins = np.cumsum([0] + [strip.cells.size for strip in strips[:-1]])
        pairs = [strip.pairs(origin) for strip, origin in zip(strips, origins, strict=True)]
        found = _warp_pairs(buffer, *np.concatenate(pairs, axis=1)[:4])
        ends = np.cumsum([part.shape[1] for part in pairs])[:-1]
        for strip, part, values in zip(strips, pairs, np.split(found, ends), strict=True):
            matrix, (i, j) = matrices[strip.context], part[4:]
            matrix[i, j] = matrix[j, i] = values
    return matrices


@dataclass(frozen=True)
class _Strip:
    """Local distances between the frames of tokens low to high of a context and all its frames."""

    context: int
    low: int
    lengths: np.ndarray
    needed: np.ndarray  # (high - low, n) bool
    cells: np.ndarray

    def pairs(self, origin):
        """Return (6, Q) int: first cell, row stride, rows, columns, and tokens i and j of the pairs."""
        i, j = np.nonzero(self.needed)
        starts = np.cumsum(self.lengths) - self.lengths
        width = self.cells.shape[1]
        first = origin + (starts[i + self.low] - starts[self.low]) * width + starts[j]
        rows, columns = self.lengths[i + self.low], self.lengths[j]
        return np.stack([first, np.full(len(i), width), rows, columns, i + self.low, j])


def _strips(contexts, metric):
    """Yield lists of strips that fit in memory: all strips of small contexts, or one of a large context."""
    strips = []
    for number, (frames, lengths, needed) in enumerate(contexts):
        ends = np.cumsum(lengths)
        low = 0
        while low < len(lengths):
            begin = ends[low] - lengths[low]
            high = max(low + 1, int(np.searchsorted(ends, begin + CELLS // ends[-1], side="right")))
            cells = local_distances(frames[begin : ends[high - 1]], frames, metric)
            strips.append(_Strip(number, low, lengths, needed[low:high], cells))
            low = high
            if low < len(lengths):
                yield [strips.pop()]
    yield strips


def _warp_pairs(buffer, first, stride, rows, columns):
    """Return the DTW distance of each pair, whose local distances begin at `first` in the buffer, (Q,)."""
    result = np.empty(len(first), np.float32)
    order = np.lexsort((columns, rows // 2))  # groups pairs of similar size, to pad little
    for part in np.split(order, range(BATCH, len(order), BATCH)):
        i = np.arange(rows[part].max(initial=0))[:, None, None]
        j = np.arange(columns[part].max(initial=0))[:, None]
        local = np.take(buffer, first[part] + i * stride[part] + j, mode="clip")
        if len(part):
            result[part] = warp(local, rows[part], columns[part])
    return result
