"""Local alignments of a text with a text: all pairs of places are examined, about one per nanosecond.

Smith and Waterman 1981, Journal of Molecular Biology 147, with the steps of Sakoe and Chiba 1978: both texts
advance by one run, or one of them by two, and the skipped run has a cost. No step stays within a row, so a
row is computed from the two before it by a few operations on complete rows of bytes.
"""

import numpy as np

from units.patterns.discovery.scores import SKIP

TILE = 16  # rows and columns from which the best cell is kept
COLUMNS = 1 << 15  # columns at once; they fit in a core's cache
OVERLAP = 256  # columns before those, in which alignments may begin
_TABLE = 1 << 25  # bytes of scores at once


def column_blocks(length, size):
    """Return the (first, stop) of the columns that are scanned together. size: number of units."""
    width = min(COLUMNS, max(1024, _TABLE // size))
    return [(first, min(length, first + width)) for first in range(0, length, width)]


def scan(block, rows, columns, scores, least, most, mirrored=True):
    """Return the best cells of tiles in which alignments end, (P, 3) int32: row, column, score.

    block: (first, stop) of the columns; rows, columns: (T,) uint16, texts whose separators are the last unit
    of scores, (K + 1, K + 1) int. least: the lowest score. mirrored: both are one text, and only columns
    after the row are examined. If there are more than `most` cells, `least` rises until there are not. Scores
    above about 200 are cut to that.
    """
    sheet = _Sheet(max(0, block[0] - OVERLAP), block[1], columns, scores)
    found, held = [], 0
    for top in range(0, min(len(rows), block[1]) if mirrored else len(rows), TILE):
        table = sheet.advance(rows[top : top + TILE], top if mirrored else None)
        cells = _peaks(table, least, block[0] - sheet.first)
        if cells is not None:
            found.append(cells + np.array([top, sheet.first, 0], np.int32))
            held += len(cells)
        if held > 2 * most:
            found, least = _limit(found, least, most)
            held = len(found[0])
    return _limit(found, least, most)[0][0]


class _Sheet:
    """The rows of a table of alignments. A byte holds a score plus SKIP, so that nothing falls below 0."""

    def __init__(self, first, stop, columns, scores):
        self.first, columns = first, columns[first:stop]
        self.separator = len(scores) - 1
        self.lift = -int(scores.min())
        # not [:, columns], which lays the columns out as rows: five times as slow
        self.table = np.take((scores + self.lift).astype(np.uint8), columns, axis=1)
        most = 255 - self.lift - int(scores.max())
        self.most = np.where(columns == self.separator, 0, most).astype(np.uint8)
        self.floor = np.full(len(columns), self.lift + SKIP, np.uint8)
        self.cells = np.full((TILE + 2, len(columns) + 2), SKIP, np.uint8)

    def advance(self, units, top):
        """Return the next rows, valid until the next call.

        top: the number of the first row if the rows are also the columns; otherwise None.
        """
        cells, lift, skip = self.cells, np.uint8(self.lift), np.uint8(SKIP)
        for row, unit in enumerate(units.tolist()):
            left = 0 if top is None else min(len(self.floor), max(0, top + row + 1 - self.first))
            above, before, here = cells[row + 1, left:], cells[row, left:], cells[row + 2]
            here[: left + 2] = skip
            if unit == self.separator:
                here[:] = skip
                continue
            here = here[left + 2 :]
            np.maximum(above[:-2], before[1:-1], out=here)
            np.subtract(here, skip, out=here)
            np.maximum(here, above[1:-1], out=here)
            np.minimum(here, self.most[left:], out=here)
            np.add(here, self.table[unit, left:], out=here)
            np.maximum(here, self.floor[left:], out=here)
            np.subtract(here, lift, out=here)
        cells[:2] = cells[len(units) : len(units) + 2]
        return cells[2 : len(units) + 2, 2:]


def _peaks(rows, least, margin):
    """Return the best cell of each tile that reaches a score, (P, 3) int32; None if there is none."""
    best = rows.max(axis=0)
    columns = margin + np.flatnonzero(best[margin:] >= least + SKIP)
    if not len(columns):
        return None
    order = np.lexsort((columns, -best[columns].astype(np.int32), columns // TILE))
    columns = columns[order]
    columns = columns[np.diff(columns // TILE, prepend=-1) > 0]
    scores = best[columns].astype(np.int32) - SKIP
    return np.stack([rows[:, columns].argmax(axis=0), columns, scores], axis=1).astype(np.int32)


def _limit(found, least, most):
    """Return ([cells], least), with `least` raised until at most `most` cells are left."""
    cells = np.concatenate([np.empty((0, 3), np.int32), *found])
    if len(cells) > most:
        least = int(np.partition(cells[:, 2], len(cells) - most - 1)[len(cells) - most - 1]) + 1
        cells = cells[cells[:, 2] >= least]
    return [cells], least
