"""Scores for one unit in the place of another: the nearer their centroids the higher, negative from some
distance on. They are small whole numbers, so that an alignment's score fits a byte.
"""

import numpy as np

from units.patterns.distances import centroid_distances

SAME = 8  # a unit and itself
FAR = -16  # units that are unrelated
SKIP = 6  # cost of skipping a run


def substitution(size, centroids=None, near=0.3):
    """Return (size + 1, size + 1) int64 scores; the last row and column are the separator's, all FAR.

    centroids: (size, R) float; None: only equal units match. near: distance below which two units have a
    positive score, as a fraction of the median distance of a pair.

    >>> substitution(3, np.array([[0.0], [0.2], [4.0]]))[:3, :3].tolist()
    [[8, 7, -16], [7, 8, -16], [-16, -16, 8]]
    """
    between = 1 - np.eye(size) if centroids is None else centroid_distances(centroids)
    scores = np.full((size + 1, size + 1), FAR)
    scores[:size, :size] = np.maximum((SAME * (1 - between / near)).round(), FAR)
    return scores
