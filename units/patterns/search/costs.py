"""Costs of matching a run of the text with a part of the query: the distance of their units."""

from dataclasses import dataclass

import numpy as np

from units.patterns.search.matching import FAR, SCALE, STEP

ANY = -1  # in a query: matches any one run


@dataclass(frozen=True)
class Costs:
    """The costs of a query of m rows: of each unit in the place of each row.

    rows: (m, U) int64 in 1 / SCALE; unit U - 1 is the separator between records, whose cost is FAR. runs: (r,
    U), the same per run of the query, about as many as a match has in the text. stay: the cost of matching
    two rows with the same run.
    """

    rows: np.ndarray
    runs: np.ndarray
    stay: int


def of_units(query, distances, separator):
    """Return the Costs of a query of (m,) units or ANY, one row per run.

    distances: CentroidDistances, or None: units that are not equal are unrelated.
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


def _whole(rows):
    """Return costs of 0 to 1 as whole numbers, followed by the cost of the separator."""
    scaled = (rows * SCALE).round().astype(np.int64)
    return np.concatenate([scaled, np.full((len(rows), 1), FAR)], axis=1)
