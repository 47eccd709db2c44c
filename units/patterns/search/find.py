"""A query's places in an index, best first."""

from dataclasses import dataclass

import numpy as np

from units.patterns.moments import may_be_same, same
from units.patterns.search import costs
from units.patterns.search.matching import SCALE, align
from units.patterns.search.scan import BIN, candidates
from units.records import InputError

MOST_ROWS = 500  # of a query: frames, 10 s of them, or runs
_CELLS = 4_000_000  # of exact alignments, whatever the query's length
_ALL_CELLS = 8_000_000  # up to so many every place is aligned: of an hour or two of speech
_FEWEST, _MOST = 200, 3000  # bins that are aligned exactly
_WIDE = 2048  # runs that are aligned together where all are
_BLOCK = 4096  # cells of all bins that are aligned at once: what stays in a core's cache


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
        self._distances = None if index.codebook is None else costs.Distances(index.codebook.centroids)

    def find(self, query, exhaustive=False):
        """Return an iterator of the Hits of a query, the best first.

        query: (m,) int, units or costs.ANY, each run once; or (m, R) frames as the index's codebook
        normalises them. The score is 1 less the mean cost of the query's rows. Of two that are the same
        moment, in one record or in two, only the better is told. exhaustive: every place is aligned, not
        only those that units.patterns.search.scan finds.
        Raises InputError where the query is none, too long, or of units that the index's codebook lacks.
        """
        index, query = self.index, np.asarray(query)
        self._check(query)
        if not len(index.text):
            return iter(())
        of_query = costs.of_frames if query.ndim == 2 else costs.of_units
        found = of_query(query, self._distances, index.separator)
        reach = 2 * len(found.runs) + 1
        if exhaustive or len(query) * len(index.text) <= _ALL_CELLS:
            width = _WIDE
            tiles = np.arange(-(-len(index.text) // width))
        else:
            width, fit = BIN, _CELLS // (len(query) * (reach + BIN))
            tiles = candidates(found.runs, index.text, min(max(fit, _FEWEST), _MOST))
        price, begins, ends = _align(found, index.text, tiles, width, reach, index.separator)
        return _distinct(index, np.clip(1 - price / (SCALE * len(query)), 0, 1), begins, ends)

    def _check(self, query):
        if not 1 <= len(query) <= MOST_ROWS:
            raise InputError(f"a query of {len(query)} {'frames' if query.ndim == 2 else 'runs'};"
                             f" 1 to {MOST_ROWS} are searched for")  # fmt: skip
        if query.ndim == 2:
            return
        if not (query != costs.ANY).any():
            raise InputError("a query that anything fits")
        size = self.index.separator if self._distances is None else len(self._distances.centroids)
        if query.max() >= size:
            raise InputError(
                f"unit {query.max()} of the query is beyond those of the index, which are below {size}"
            )


def _align(query, text, tiles, width, reach, separator):
    """Return (costs, begins, ends) of the best alignment that ends in each bin and begins in reach of it.

    tiles: (N,) int, which stretches of `width` runs, a number of bins, are looked at.
    """
    before = BIN * -(-reach // BIN)
    padded = np.full(before + width * -(-len(text) // width), separator, text.dtype)
    padded[before : before + len(text)] = text
    views = np.lib.stride_tricks.sliding_window_view(padded, before + width)[::width]
    step = max(1, _BLOCK // (before + width))
    found = []
    for first in range(0, len(tiles), step):
        part = tiles[first : first + step]
        cells = [
            c[:, before:].reshape(-1, BIN) for c in align(query.rows, views[part], separator, query.stay)
        ]
        best = cells[0].argmin(axis=1)
        bins = (part[:, None] * (width // BIN) + np.arange(width // BIN)).ravel()
        price, begins = (c[np.arange(len(best)), best] for c in cells)
        begins += bins // (width // BIN) * width - before
        found.append((price, begins, bins * BIN + best + 1))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _distinct(index, scores, begins, ends):
    """Yield Hits by falling score, without those of the same moment as a better one; see `moments`.

    Equally good ones come in the order of their files in the index, then in time; of longer records first.
    """
    good = np.flatnonzero(scores)  # what goes over the end of a record costs too much to have a score
    scores, begins, ends = scores[good], begins[good], ends[good]
    recordings = np.searchsorted(index.starts, begins, side="right") - 1
    starts, stops = index.times(recordings, begins, ends)
    lengths = np.diff(np.append(index.starts, len(index.text)))[recordings]
    files, taken = index.files[recordings], {}
    for i in np.lexsort((begins, -lengths, starts, files, -scores)):
        start, stop, channel = starts[i], stops[i], index.records[recordings[i]].get("channel")
        others = taken.setdefault(int(files[i]), [])
        if not any(may_be_same(channel, c) and same(start, stop, b, e) for b, e, c in others):
            others.append((start, stop, channel))
            yield Hit(int(recordings[i]), int(begins[i]), int(ends[i]), round(float(scores[i]), 6))
