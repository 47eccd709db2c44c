"""What it costs that a run of a text stands for a part of the query: how far apart the codebook has them."""

from dataclasses import dataclass

import numpy as np

from units.codebook.quantize import assign
from units.patterns.search.matching import FAR, SCALE, STEP

ANY = -1  # in a query: any one run


@dataclass(frozen=True)
class Costs:
    """A query of m rows as what each unit costs in its place.

    rows: (m, U) int64 in 1 / SCALE, U - 1 the number that parts the records of a text, which costs FAR.
    runs: (r, U), the same of the query's runs of one unit, of which a text has about as many. stay: what it
    costs that two rows stand on one run.
    """

    rows: np.ndarray
    runs: np.ndarray
    stay: int


class Distances:
    """Squared distances to K centroids, 1 and above where they are those of half of all pairs of centroids.

    Half of all pairs of units have nothing in common, then. Distances, squared or not, their cosines, their
    ranks, and log-odds of the units found nearly the same words in Mboshi; these are the simplest.
    """

    def __init__(self, centroids):
        self.centroids = np.asarray(centroids, np.float64)
        self.half_norms = 0.5 * np.square(self.centroids).sum(axis=1)
        others = self._squared(self.centroids)[~np.eye(len(self.centroids), dtype=bool)]
        self.usual = (float(np.median(others)) if others.size else 0.0) or 1.0

    def _squared(self, points):
        products = points @ self.centroids.T
        return np.maximum(np.square(points).sum(axis=1)[:, None] - 2 * (products - self.half_norms), 0.0)

    def between(self, points):
        """Return the (m, K) distances of (m, R) points, from 0, the nearest centroid's, to 1.

        What a point is from its nearest centroid it costs wherever it is found, and so is left out.

        >>> Distances(np.array([[0.0], [1.0], [4.0]])).between(np.array([[0.0], [1.5]])).round(2).tolist()
        [[0.0, 0.11, 1.0], [0.22, 0.0, 0.67]]
        """
        found = self._squared(np.asarray(points, np.float64)) / self.usual
        return np.minimum(found - found.min(axis=1, keepdims=True), 1.0)


def of_units(query, distances, separator):
    """Return the Costs of a query of (m,) units or ANY, a row a run.

    distances: Distances, or None: all units but equal ones have nothing in common.
    """
    wanted = np.asarray(query, np.int64)
    rows = np.ones((len(wanted), separator))
    if distances is None:
        named = wanted != ANY
        rows[np.flatnonzero(named), wanted[named]] = 0.0
    else:
        rows[:, : len(distances.centroids)] = distances.between(distances.centroids[wanted])
    rows[wanted == ANY] = 0.0
    rows = _whole(rows)
    return Costs(rows, rows, STEP)


def of_frames(query, distances, separator):
    """Return the Costs of a query of (m, R) frames as the codebook normalises them, a row a frame.

    The query is not quantized: the distances are asymmetric, as in product quantization (Jégou, Douze and
    Schmid 2011, IEEE Transactions on Pattern Analysis and Machine Intelligence 33), at no cost to the search.
    """
    rows = np.ones((len(query), separator))
    rows[:, : len(distances.centroids)] = distances.between(query)
    units = assign(np.asarray(query, np.float64), distances.centroids)
    starts = np.flatnonzero(np.append(True, units[1:] != units[:-1]))
    counts = np.diff(starts, append=len(units))
    return Costs(_whole(rows), _whole(np.add.reduceat(rows, starts, axis=0) / counts[:, None]), 0)


def _whole(rows):
    """Return costs of 0 to 1 as whole numbers, with those of the separator behind them."""
    scaled = (rows * SCALE).round().astype(np.int64)
    return np.concatenate([scaled, np.full((len(rows), 1), FAR)], axis=1)
