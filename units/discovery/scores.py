"""What it is worth that one unit stands where another stood: more the nearer their centroids, less than nothing
from a certain distance on. Small whole numbers, so that an alignment's score fits a byte.
"""

import numpy as np

from units.search.costs import distances

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
