"""How far apart units are: distances between their centroids, relative to the median distance of a pair."""

import numpy as np


def squared_distances(points, centroids):
    """Return the (N, K) float64 squared distances of (N, R) points to (K, R) centroids."""
    points, centroids = np.asarray(points, np.float64), np.asarray(centroids, np.float64)
    products = points @ centroids.T
    norms = np.square(points).sum(axis=1)[:, None] + np.square(centroids).sum(axis=1)
    return np.maximum(norms - 2 * products, 0.0)


def median_of_pairs(distances):
    """Return the median of a (K, K) matrix of distances without its diagonal; 1.0 if that is 0 or K is 1."""
    others = distances[~np.eye(len(distances), dtype=bool)]
    return (float(np.median(others)) if others.size else 0.0) or 1.0


def centroid_distances(centroids):
    """Return the (K, K) float64 distances between centroids, (K, R), over the median distance of a pair.

    >>> centroid_distances(np.array([[0.0], [1.0], [4.0]])).round(2).tolist()
    [[0.0, 0.33, 1.33], [0.33, 0.0, 1.0], [1.33, 1.0, 0.0]]
    """
    found = np.sqrt(squared_distances(centroids, centroids))
    np.fill_diagonal(found, 0.0)
    return found / median_of_pairs(found)


class CentroidDistances:
    """Squared distances of points to K centroids, from 0 to 1, the median of a pair of centroids or more.

    Half of all pairs of units thus count as unrelated. Distances, squared or not, their cosines, their ranks
    and log-odds of the units found nearly the same words in Mboshi; these are the simplest.
    """

    def __init__(self, centroids):
        self.centroids = np.asarray(centroids, np.float64)
        self.usual = median_of_pairs(squared_distances(self.centroids, self.centroids))

    def between(self, points):
        """Return the (N, K) distances of (N, R) points, with each row's minimum, the nearest centroid, at 0.

        The distance to the nearest centroid is the same wherever a point is found, so it is subtracted.

        >>> CentroidDistances(np.array([[0.0], [1.0], [4.0]])).between(np.array([[0.0], [1.5]])).round(2)
        array([[0.  , 0.11, 1.  ],
               [0.22, 0.  , 0.67]])
        """
        found = squared_distances(points, self.centroids) / self.usual
        return np.minimum(found - found.min(axis=1, keepdims=True), 1.0)
