"""The beginnings of alignments that end in given cells: the same steps backwards, for many at once."""

import numpy as np

from units.patterns.discovery.scores import SKIP

LONGEST = 256  # rows of an alignment
BAND = 12  # runs by which its two sides may get out of step
_LANES = 8192  # cells at once
_NONE = -(1 << 20)
_CAPPED = 200  # scores above this may be larger than a cell of the scan can hold


def trace(cells, rows, columns, scores):
    """Return the alignments that end in cells, (A, 5) int32: [start, stop) of rows, of columns, and score.

    cells: (P, 3) int, of `scan.scan`, with the rows, columns and scores given to it. Of cells whose
    alignments begin in the same place only the best is kept: they are one alignment that ends early or late.
    If the last steps of an alignment have a negative score, a better end is in another cell, and it is
    dropped.
    """
    padded = np.pad(scores, (1, 0), constant_values=_NONE)  # unit -1 + 1: outside the text
    padded[-1] = padded[:, -1] = _NONE
    traced = [_trace(cells[i : i + _LANES], rows, columns, padded) for i in range(0, len(cells), _LANES)]
    found = np.concatenate([np.empty((0, 5), np.int32), *traced])
    order = np.lexsort((found[:, 3], found[:, 1], -found[:, 4], found[:, 2], found[:, 0]))
    starts = found[order][:, [0, 2]]
    new = np.ones(len(found), bool)
    new[1:] = (starts[1:] != starts[:-1]).any(axis=1)
    return found[np.sort(order[new])]


def _trace(cells, rows, columns, padded):
    """Return (P, 5) int32, the alignments of some cells; of equal scores the shortest."""
    found = np.empty((len(cells), 5), np.int32)
    found[:, 1], found[:, 3], found[:, 4] = cells[:, 0] + 1, cells[:, 1] + 1, 0
    lanes, shifts = np.arange(len(cells)), np.arange(-BAND, BAND + 1)
    before = above = np.full((2 * BAND + 3, len(cells)), _NONE)
    for back in range(LONGEST):
        row, column = cells[lanes, 0] - back, cells[lanes, 1] - back - shifts[:, None]
        here = np.full_like(above, _NONE)
        reached = np.maximum(above[1:-1], np.maximum(above[:-2], before[2:]) - SKIP)
        if back == 0:
            reached[BAND] = 0
        here[1:-1] = np.maximum(reached + padded[_at(rows, row)[None], _at(columns, column)], _NONE)
        shift = here[1:-1].argmax(axis=0)
        score = here[1 + shift, np.arange(len(lanes))]
        better = score > found[lanes, 4]
        at = lanes[better]
        found[at, 4], found[at, 0] = score[better], row[better]
        found[at, 2] = column[shift[better], better]
        # stop if the score has dropped to nothing, or reached the score of the cell
        going = (np.maximum(here, above).max(axis=0) > 0) & _unfinished(found[lanes, 4], cells[lanes, 2])
        lanes, before, above = lanes[going], above[:, going], here[:, going]
        if not len(lanes):
            break
    return found[found[:, 4] >= np.clip(cells[:, 2], 1, _CAPPED)]


def _at(text, places):
    """Return 1 + the unit at each place, 0 outside of the text."""
    inside = (places >= 0) & (places < len(text))
    return np.where(inside, text[np.clip(places, 0, len(text) - 1)].astype(np.int64) + 1, 0)


def _unfinished(score, wanted):
    return (score < wanted) | (wanted >= _CAPPED)
