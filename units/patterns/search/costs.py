"""Costs of matching a run of the text with a part of the query: the distance of their units."""

from dataclasses import dataclass

import numpy as np

from units.codebook.quantize import assign
from units.codebook.runs import run_starts
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


def of_frames(query, distances, separator):
    """Return the Costs of a query of (m, R) frames as the codebook normalises them, one row per frame.

    The query is not quantized, so the distances are asymmetric, as in product quantization (Jégou, Douze and
    Schmid 2011, IEEE Transactions on Pattern Analysis and Machine Intelligence 33), at no cost to the search.
    """
    rows = np.ones((len(query), separator))
    rows[:, : len(distances.centroids)] = distances.between(query)
    units = assign(np.asarray(query, np.float64), distances.centroids)
    starts = run_starts(units)
    counts = np.diff(starts, append=len(units))
    return Costs(_whole(rows), _whole(np.add.reduceat(rows, starts, axis=0) / counts[:, None]), 0)


def _whole(rows):
    """Return costs of 0 to 1 as whole numbers, followed by the cost of the separator."""
    scaled = (rows * SCALE).round().astype(np.int64)
    return np.concatenate([scaled, np.full((len(rows), 1), FAR)], axis=1)
