"""Where a query stands in a text of runs with the least cost, in many texts at once.

Dynamic time warping with its ends free in the text (Sakoe and Chiba 1978; Müller 2007, chapter 4): each row
of the query stands on the run of the row before, on the next, or beyond one that is passed over; the first
and the last have their prices. As a row needs only the row before, all places of all texts go on together.
Costs are whole numbers, so that results are the same on all machines; a cell holds its cost above the place
where its alignment began.
"""

import numpy as np

SCALE = 1 << 12  # of the costs: 1 is a run that has nothing in common with the query's
STEP = SCALE // 10
FAR = 1 << 24  # of what separates records: no alignment is worth that
_PLACE_BITS = 24
_PLACES = (1 << _PLACE_BITS) - 1


def align(rows, text, separator, stay=STEP):
    """Return (costs, starts) of the cheapest alignment that ends with each run, both like text, int64.

    rows: (m, U) int64, what each unit costs in each row, in 1 / SCALE. text: (L, W) int, L texts of W runs, W
    at most 2**24. An alignment of cost c at j is of the runs [starts[j], j]; of equally cheap ones it is the
    shortest. separator: what parts records; an alignment across it costs FAR or more. stay: what it costs to
    stand where the row before stood; to pass over a run costs STEP.
    """
    columns = np.arange(text.shape[1])
    # The later the start the smaller the cell: of two equal costs the shorter alignment is less.
    cells = (rows[0].take(text) << _PLACE_BITS) + (_PLACES - columns)
    passing = np.where(text[:, 1:-1] == separator, FAR, STEP) << _PLACE_BITS
    for row in rows[1:]:
        before, cells = cells, cells + (stay << _PLACE_BITS)
        np.minimum(cells[:, 1:], before[:, :-1], out=cells[:, 1:])
        np.minimum(cells[:, 2:], before[:, :-2] + passing, out=cells[:, 2:])
        cells += row.take(text) << _PLACE_BITS
    return cells >> _PLACE_BITS, _PLACES - (cells & _PLACES)
