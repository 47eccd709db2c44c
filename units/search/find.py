"""A query's places in an index, best first."""

from dataclasses import dataclass

import numpy as np

from units.records import InputError
from units.search import costs
from units.search.matching import SCALE, align
from units.search.scan import BIN, candidates

MOST_RUNS = 500  # of a query
_CANDIDATES = 2000  # bins that are aligned exactly
_LEAST = 200
_USUAL = 10  # runs of a query; of longer ones fewer bins are aligned, for each costs more


@dataclass(frozen=True)
class Hit:
    """A place in an index: the runs [begin, end) of its text, in which recording, and a score of 0 to 1."""

    recording: int
    begin: int
    end: int
    score: float


class Finder:
    """Finds queries in an index, whose distances are made once."""

    def __init__(self, index):
        self.index = index
        self._between = None if index.codebook is None else costs.distances(index.codebook.centroids)

    def find(self, query, exhaustive=False):
        """Return the Hits of a query, (m,) int, units or costs.ANY, each run once; the best first.

        The score is 1 less the mean cost of the query's runs. Of two that share most of their runs only the
        better is told. exhaustive: every place is aligned, not only those that units.search.scan finds.
        Raises InputError where the query is none, too long, or of units that the index's codebook lacks.
        """
        index, query = self.index, np.asarray(query, np.int64)
        self._check(query)
        if not len(index.text):
            return []
        substitution, skip = costs.of_query(query, self._between, index.separator)
        most = max(_LEAST, min(_CANDIDATES, int(_CANDIDATES * (_USUAL / len(query)) ** 2)))
        bins = candidates(substitution, index.text, len(index.text) if exhaustive else most)
        found, begins, ends = _align(substitution, skip, index.text, bins)
        scores = np.clip(1 - found / (SCALE * len(query)), 0, 1)
        return _distinct(index, scores, begins, ends)

    def _check(self, query):
        if not 1 <= len(query) <= MOST_RUNS:
            raise InputError(f"a query of {len(query)} runs; 1 to {MOST_RUNS} are searched for")
        if not (query != costs.ANY).any():
            raise InputError("a query that anything fits")
        size = self.index.separator if self._between is None else len(self._between)
        if query.max() >= size:
            raise InputError(f"unit {query.max()} of the query is not in the index's codebook of {size}")


def _align(substitution, skip, text, bins):
    """Return (costs, begins, ends) of the best alignment that ends in or just behind each bin."""
    length = len(substitution)
    before = BIN * -(-2 * length // BIN)
    width = before + BIN + length // 2 + 2
    padded = np.full(before + len(text) + width, substitution.shape[1] - 1, text.dtype)
    padded[before : before + len(text)] = text
    tiles = np.lib.stride_tricks.sliding_window_view(padded, width)[bins * BIN]
    found = [
        align(substitution, skip, np.ascontiguousarray(tiles[i : i + 4096].T))
        for i in range(0, len(bins), 4096)
    ]
    price, begins, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    return price, begins + bins * BIN - before, ends + bins * BIN - before


def _distinct(index, scores, begins, ends):
    """Return Hits by falling score, without those that share more than half their runs with a better one."""
    worth = (scores > 0) & (ends > begins)
    recordings = np.searchsorted(index.starts, begins, side="right") - 1
    taken, hits = {}, []
    for i in np.lexsort((begins, -scores)):
        if not worth[i]:
            continue
        recording, begin, end = int(recordings[i]), int(begins[i]), int(ends[i])
        others = taken.setdefault(recording, [])
        if all(2 * (min(end, e) - max(begin, b)) <= min(end - begin, e - b) for b, e in others):
            others.append((begin, end))
            hits.append(Hit(recording, begin, end, round(float(scores[i]), 6)))
    return hits
