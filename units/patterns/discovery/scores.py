"""What it is worth that one unit stands where another stood: more the nearer their centroids, and from some
distance on less than nothing. Small whole numbers, so that an alignment's score fits a byte.
"""

import numpy as np

SAME = 8  # a unit and itself
FAR = -16  # units that have nothing in common
SKIP = 6  # what it costs to pass over a run


def substitution(size, centroids=None, near=0.3):
    """Return (size + 1, size + 1) int64 scores; the last row and column are what separates recordings: FAR.

    centroids: (size, R) float; None: only equal units are alike. near: distance, as a share of the usual one
    between two units, below which standing for each other is worth something.

    >>> substitution(3, np.array([[0.0], [0.2], [4.0]]))[:3, :3].tolist()
    [[8, 7, -16], [7, 8, -16], [-16, -16, 8]]
    """
    between = 1 - np.eye(size) if centroids is None else distances(centroids)
    scores = np.full((size + 1, size + 1), FAR)
    scores[:size, :size] = np.maximum((SAME * (1 - between / near)).round(), FAR)
    return scores


def distances(centroids):
    """Return the (K, K) float64 distances between centroids, (K, R), over the median of those between two."""
    centroids = np.asarray(centroids, np.float64)
    norms = np.square(centroids).sum(axis=1)
    found = np.sqrt(np.maximum(norms[:, None] + norms - 2 * centroids @ centroids.T, 0.0))
    np.fill_diagonal(found, 0.0)
    others = found[~np.eye(len(found), dtype=bool)]
    usual = np.median(others) if others.size else 1.0
    return found / usual if usual > 0 else found
