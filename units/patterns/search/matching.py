"""The cheapest alignments of a query with a text of runs, for many texts at once.

Dynamic time warping with free ends in the text (Sakoe and Chiba 1978; Müller 2007, chapter 4). Each row of
the query is matched with the same run as the row before, with the next run, or with the one after that;
staying and skipping have a cost. A row needs only the row before, so all places of all texts are computed
together. Costs are whole numbers, so that results are the same on all machines. A cell holds its cost in the
high bits and the start of its alignment in the low bits.
"""

import numpy as np

SCALE = 1 << 12  # of the costs: 1 is the cost of a run that is unrelated to the query's
STEP = SCALE // 10
FAR = 1 << 24  # cost of a separator between records: no alignment is worth it
_PLACE_BITS = 24
_PLACES = (1 << _PLACE_BITS) - 1


def cheapest_alignments(rows, text, separator, stay=STEP):
    """Return (costs, starts) of the cheapest alignment that ends with each run, both like text, int64.

    rows: (m, U) int64, the cost of each unit in each row, in 1 / SCALE. text: (L, W) int, L texts of W runs,
    W at most 2**24. An alignment of cost c at j covers the runs [starts[j], j]; of equally cheap ones it is
    the shortest. separator: the unit between records; an alignment across it costs FAR or more. stay: the
    cost of matching two rows with the same run; skipping a run costs STEP.
    """
    columns = np.arange(text.shape[1])
    # The later the start, the smaller the cell: of equal costs the shorter alignment wins.
    cells = (rows[0].take(text) << _PLACE_BITS) + (_PLACES - columns)
    passing = np.where(text[:, 1:-1] == separator, FAR, STEP) << _PLACE_BITS
    for row in rows[1:]:
        before, cells = cells, cells + (stay << _PLACE_BITS)
        np.minimum(cells[:, 1:], before[:, :-1], out=cells[:, 1:])
        np.minimum(cells[:, 2:], before[:, :-2] + passing, out=cells[:, 2:])
        cells += row.take(text) << _PLACE_BITS
    return cells >> _PLACE_BITS, _PLACES - (cells & _PLACES)
