"""Frames and codebook to units; run lengths."""

import numpy as np

_BLOCK = 4096  # frames whose distances to all centroids are held at once


def assign(frames, centroids):
    """Return the nearest centroid of each frame, by Euclidean distance; of equals the first.

    frames: (N, D) float32; centroids: (K, D) float32. Returns (N,) int64.

    >>> assign(np.array([[0.1], [0.9]]), np.array([[0.0], [1.0]]))
    array([0, 1])
    """
    # |f - c|^2 = |f|^2 - 2 f.c + |c|^2, and |f|^2 is the same for all c
    half_norms = 0.5 * np.square(centroids).sum(axis=1)
    units = np.empty(len(frames), np.int64)
    for start in range(0, len(frames), _BLOCK):
        scores = frames[start : start + _BLOCK] @ centroids.T
        scores -= half_norms
        scores.argmax(axis=1, out=units[start : start + _BLOCK])
    return units


def smooth(frames, centroids, penalty):
    """Return the units that minimise sum |frame - centroid|^2 + penalty * (number of changes), exactly.

    frames: (N, D); centroids: (K, D); penalty >= 0, in squared distance. Returns (N,) int64. Viterbi in O(N K):
    a change may come from any unit, so only the best of the frame before matters.
    """
    if not len(frames):
        return np.empty(0, np.int64)
    norms = np.square(centroids).sum(axis=1)
    cost = norms - 2.0 * (frames @ centroids.T)
    total, came_from = cost[0], np.empty(cost.shape, np.int32)
    stay = np.arange(len(centroids))
    for i in range(1, len(frames)):
        best = int(total.argmin())
        change = total[best] + penalty
        came_from[i] = np.where(total <= change, stay, best)
        total = np.minimum(total, change) + cost[i]
    units = np.empty(len(frames), np.int64)
    units[-1] = total.argmin()
    for i in range(len(frames) - 1, 0, -1):
        units[i - 1] = came_from[i, units[i]]
    return units


def run_lengths(units):
    """Return the runs of a sequence: (units, counts), no two neighbours equal. The inverse of `expand`.

    >>> run_lengths([5, 5, 9])
    ([5, 9], [2, 1])
    """
    units = np.asarray(units, np.int64)
    if not len(units):
        return [], []
    starts = np.flatnonzero(np.concatenate([[True], units[1:] != units[:-1]]))
    return units[starts].tolist(), np.diff(starts, append=len(units)).tolist()


def expand(units, counts):
    """Return each unit as often as its count says.

    >>> expand([5, 9], [2, 1])
    [5, 5, 9]
    """
    return np.repeat(np.asarray(units, np.int64), counts).tolist()
