"""Find a query in an index: the places that match it, best first."""

from dataclasses import dataclass

import numpy as np

from units.patterns.distances import CentroidDistances
from units.patterns.moments import may_be_same, same
from units.patterns.search import costs
from units.patterns.search.listen import listen
from units.patterns.search.matching import SCALE, cheapest_alignments
from units.patterns.search.scan import BIN, candidates
from units.records import InputError

NO_FRAMES = (
    "this index has no frames, so it cannot be searched by voice; build it from the records of su-encode, or "
    "of su-encode --arrays and su-quantize"
)
MOST_ROWS = 500  # of a query: frames (10 s) or runs
_CELLS = 4_000_000  # of exact alignments, for queries of any length
_ALL_CELLS = 8_000_000  # if there are fewer, every place is aligned: an hour or two of speech
_FEWEST, _MOST = 200, 3000  # bins that are aligned exactly
_WIDE = 2048  # runs that are aligned together if all places are
_BLOCK = 4096  # cells of all bins that are aligned at once; they fit in a core's cache


@dataclass(frozen=True)
class Hit:
    """A place in an index: the number of the recording, start and end in s of its file, a score from 0 to 1.

    false_alarms: of a spoken query, the number of places in the index that would match as well by chance.
    """

    recording: int
    start: float
    end: float
    score: float
    false_alarms: float | None = None


class Finder:
    """Finds queries in an index. The distances of its codebook are computed once."""

    def __init__(self, index):
        self.index = index
        self._distances = None if index.codebook is None else CentroidDistances(index.codebook.centroids)

    def find(self, query, exhaustive=False):
        """Return an iterator of the Hits of a query, the best first.

        query: (m,) int, units or costs.ANY, one per run; or (m, R) vectors of the index's Space. The score of
        units is 1 minus the mean cost per run; of vectors it is 1 / (1 + false alarms). Of two hits at the
        same moment, in one record or in two, only the better is returned. exhaustive: compare with every
        place, not only with the likely ones. Raises InputError if the query is empty, too long, has only
        wildcards, or has units that are not in the index's codebook.
        """
        index, query = self.index, np.asarray(query)
        self._check(query)
        if query.ndim == 2:
            return self._spoken(query, exhaustive)
        if not len(index.text):
            return iter(())
        found = costs.of_units(query, self._distances, index.separator)
        reach = 2 * len(found.runs) + 1
        if exhaustive or len(query) * len(index.text) <= _ALL_CELLS:
            width = _WIDE
            tiles = np.arange(-(-len(index.text) // width))
        else:
            width, fit = BIN, _CELLS // (len(query) * (reach + BIN))
            tiles = candidates(found.runs, index.text, min(max(fit, _FEWEST), _MOST))
        price, begins, ends = _align(found, index.text, tiles, width, reach, index.separator)
        scores = np.clip(1 - price / (SCALE * len(query)), 0, 1)
        good = np.flatnonzero(scores)  # alignments across the end of a record have a score of 0
        recordings = np.searchsorted(index.starts, begins[good], side="right") - 1
        starts, stops = index.times(recordings, begins[good], ends[good])
        return _distinct(index, recordings, starts, stops, -scores[good], scores[good])

    def _spoken(self, query, exhaustive):
        found = listen(self.index.sounds, query, exhaustive)
        recordings = np.searchsorted(self.index.sounds.edges, found.begins, side="right") - 1
        starts, stops = self.index.frame_times(recordings, found.begins, found.ends)
        scores = 1 / (1 + found.false_alarms)
        return _distinct(self.index, recordings, starts, stops, found.costs, scores, found.false_alarms)

    def _check(self, query):
        if not 1 <= len(query) <= MOST_ROWS:
            kind = "frames" if query.ndim == 2 else "runs"
            raise InputError(f"the query has {len(query)} {kind}; it must have 1 to {MOST_ROWS}")
        if query.ndim == 2:
            if self.index.sounds is None:
                raise InputError(NO_FRAMES)
            return
        if not (query != costs.ANY).any():
            raise InputError("the query has only wildcards")
        size = self.index.separator if self._distances is None else len(self._distances.centroids)
        if query.max() >= size:
            raise InputError(f"the query has unit {query.max()}; the units of the index are 0 to {size - 1}")


def _align(query, text, tiles, width, reach, separator):
    """Return (costs, begins, ends) of the best alignment that ends in each bin and begins in reach of it.

    tiles: (N,) int, the stretches of `width` runs, a multiple of BIN, to align with.
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
            c[:, before:].reshape(-1, BIN)
            for c in cheapest_alignments(query.rows, views[part], separator, query.stay)
        ]
        best = cells[0].argmin(axis=1)
        bins = (part[:, None] * (width // BIN) + np.arange(width // BIN)).ravel()
        price, begins = (c[np.arange(len(best)), best] for c in cells)
        begins += bins // (width // BIN) * width - before
        found.append((price, begins, bins * BIN + best + 1))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _distinct(index, recordings, starts, stops, order, scores, false_alarms=None):
    """Yield Hits by rising order, without those at the same moment as a better one; see `moments`.

    Equally good hits come in the order of their files in the index, then of time, then longer records first.
    """
    files, taken = index.files[recordings], {}
    for i in np.lexsort((stops, -index.lengths[recordings], starts, files, order)):
        start, stop, channel = float(starts[i]), float(stops[i]), index.records[recordings[i]].get("channel")
        others = taken.setdefault(int(files[i]), [])
        if not any(may_be_same(channel, c) and same(start, stop, b, e) for b, e, c in others):
            others.append((start, stop, channel))
            chance = None if false_alarms is None else float(f"{false_alarms[i]:.3g}")
            yield Hit(int(recordings[i]), start, stop, round(float(scores[i]), 6), chance)
