"""The places at which a spoken query is in frames: dynamic time warping with free ends.

The path advances by one row of the query and one frame, or skips one of either, so a match lasts half to
twice as long as the query (slope constraint of Sakoe and Chiba 1978, P = 1). All places are computed
together, row by row. A row's cost at a frame is 1 - exp((cosine - commonness of the frame) / SOFT), so what
differs much differs altogether, and sounds that are near everything cost more.
"""

from dataclasses import dataclass

import numpy as np

SOFT = 0.2
_FAR = np.float32(1e6)


@dataclass(frozen=True)
class Paths:
    """The best path that ends at each place: its cost per row of the query, and the place it begins at."""

    costs: np.ndarray
    begins: np.ndarray


def warp(query, vectors, common, breaks):
    """Return the Paths of a query that end at each of T places, in consecutive order.

    query: (L, R), vectors: (T, R), both of length one; common: (T,); breaks: (T,) bool, true at places that
    do not follow the one before: no path crosses them.
    """
    rows = price(query, vectors, common)
    after = np.append(False, breaks[:-1])
    places = np.arange(len(vectors), dtype=np.int32)
    costs, begins = rows[0], places
    older = None
    for i in range(1, len(query)):
        best, start = _moved(costs, breaks), _moved_places(begins)
        skipping, from_ = _moved(_moved(costs, breaks), breaks | after), _moved_places(_moved_places(begins))
        best, start = _better(best, start, skipping, from_)
        best = best + rows[i]
        if older is not None:
            both = _moved(older[0], breaks) + rows[i - 1] + rows[i]
            best, start = _better(best, start, both, _moved_places(older[1]))
        older, (costs, begins) = (costs, begins), (best, start)
    return Paths(costs / len(query), begins)


def price(query, vectors, common):
    """Return the cost of each row of a query (L, R) at each of (T, R) vectors, (L, T) float32; see above."""
    return 1 - np.exp((query @ vectors.T - common) / np.float32(SOFT))


def _moved(costs, breaks):
    """Return costs one place later; places after a break cannot be reached."""
    moved = np.empty_like(costs)
    moved[0], moved[1:] = _FAR, costs[:-1]
    moved[breaks] = _FAR
    return moved


def _moved_places(begins):
    return np.append(begins[:1], begins[:-1])


def _better(one, start, other, from_):
    chosen = other < one
    return np.where(chosen, other, one), np.where(chosen, from_, start)
