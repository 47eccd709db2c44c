"""The places of a text that are worth aligning with a query: one pass over the text, one byte per run.

At each place the similarities of the query's runs are added along the best path that advances by none, one or
two runs of the text per run of the query. Steps cost nothing, so a similar place is never ranked far down.
bench/search.py measures how many of the exact results survive.
"""

import numpy as np

from units.patterns.search.matching import SCALE

BIN = 8  # runs of the text that are one candidate; see _largest
_ROWS = 10  # runs of the query that are used, evenly spread
_BLOCK = 1 << 17  # runs at once; they fit in a core's cache


def candidates(runs, text, most):
    """Return the `most` bins of the text in which alignments of the query probably end, ascending (N,) int64.

    runs: (m, U) int64 of costs.Costs; text: (T,) uint8 or uint16. If there are fewer bins, all are returned.
    """
    bins = -(-len(text) // BIN)
    if bins <= most:
        return np.arange(bins)
    rows = np.unique(np.linspace(0, len(runs) - 1, min(_ROWS, len(runs))).round().astype(int))
    tables = _likeness(runs[rows])
    ahead = len(runs) * 2
    best = np.empty(bins, np.uint8)
    for start in range(0, len(text), _BLOCK):
        first = max(0, start - ahead)
        found = _pass(tables, np.diff(rows), text[first : start + _BLOCK])[start - first :]
        best[start // BIN : start // BIN + -(-len(found) // BIN)] = _largest(found)
    return _best(best, most)


def _best(values, most):
    """Return the indices of the `most` largest of (N,) uint8, ascending; of equals the first."""
    at_least = np.cumsum(np.bincount(values, minlength=256)[::-1])[::-1]  # number of values this large
    least = int(np.flatnonzero(at_least >= most)[-1])
    larger = np.flatnonzero(values > least)
    equal = np.flatnonzero(values == least)[: most - len(larger)]
    return np.sort(np.concatenate([larger, equal]))


def _likeness(runs):
    """Return (m, U) uint8 similarities, scaled so that m of them add up to at most a byte."""
    alike = 1 - np.minimum(runs, SCALE) / SCALE
    return (alike * (255 // len(runs))).astype(np.uint8)


def _pass(tables, steps, text):
    """Return the similarity of the best path that ends in each place of the text, (T,) uint8."""
    data = text.tobytes() if text.dtype == np.uint8 else text
    size, furthest = len(text), int(steps.max(initial=0)) + 1
    padded = np.zeros(furthest + size, np.uint8)
    padded[furthest:] = _look_up(tables[0], data)
    near = np.empty(size, np.uint8)
    for table, step in zip(tables[1:], steps.tolist(), strict=True):
        first = furthest - step - 1  # of paths that end step + 1 places before
        np.maximum(padded[first : first + size], padded[first + 1 : first + 1 + size], out=near)
        np.maximum(near, padded[first + 2 : first + 2 + size], out=near)
        np.add(near, _look_up(table, data), out=padded[furthest:])
    return padded[furthest:]


def _look_up(table, text):
    """Return the table's entry for each run; bytes use Python's translate, which is five times as fast."""
    if isinstance(text, bytes):
        return np.frombuffer(text.translate(table.tobytes().ljust(256)), np.uint8)
    return table.take(text, mode="clip")  # no run is beyond the table, so use the fastest mode


def _largest(found):
    """Return the largest of each BIN values; with shifts of all, which is ten times as fast as bin by bin."""
    values = np.pad(found, (0, -len(found) % BIN + BIN))
    for shift in (1, 2, 4):
        values = np.maximum(values[:-shift], values[shift:])
    return values[:-1:BIN]
