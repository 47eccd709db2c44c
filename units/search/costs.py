"""What it costs that a run of a text stands for a run of the query: how far apart their centroids are."""

import numpy as np

from units.search.matching import FAR, SCALE

ANY = -1  # in a query: any one run
_SKIP = 0.1  # of a run that is skipped, above its distance from the query's run beside it


def distances(centroids):
    """Return the (K, K) float64 distances between centroids, of which those from the median on count as 1.

    centroids: (K, R) float. Half of all pairs of units have nothing in common, then; the nearest have most.

    >>> distances(np.array([[0.0], [1.0], [4.0]])).round(2).tolist()
    [[0.0, 0.33, 1.0], [0.33, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """
    centroids = np.asarray(centroids, np.float64)
    norms = np.square(centroids).sum(axis=1)
    squared = norms[:, None] + norms - 2 * centroids @ centroids.T
    np.fill_diagonal(squared, 0.0)
    found = np.sqrt(np.maximum(squared, 0.0))
    others = found[~np.eye(len(found), dtype=bool)]
    usual = np.median(others) if others.size else 1.0
    return np.minimum(found / usual, 1.0) if usual > 0 else np.minimum(found, 1.0)


def of_query(query, between, separator):
    """Return (substitution, skip), each (m, separator + 1) int64 in 1 / SCALE, of a query of m runs.

    query: (m,) int, of units or ANY. between: (K, K) float64 of `distances`, or None: all units but equal
    ones have nothing in common. separator: what parts the records of a text, and costs FAR.
    """
    wanted = np.asarray(query, np.int64)
    rows = np.ones((len(wanted), separator + 1))
    if between is None:
        named = wanted != ANY
        rows[np.flatnonzero(named), wanted[named]] = 0.0
    else:
        rows[:, : len(between)] = between[wanted]
    skip = _SKIP + rows
    rows[wanted == ANY], skip[wanted == ANY] = 0.0, 0.5
    rows, skip = (rows * SCALE).round().astype(np.int64), (skip * SCALE).round().astype(np.int64)
    rows[:, separator] = skip[:, separator] = FAR
    return rows, skip
