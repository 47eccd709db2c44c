"""Where a query of runs stands in a text of runs with the least cost, in many texts at once.

Semi-global alignment (Sellers 1980, Journal of Algorithms 1) in which a run that is skipped costs what it
differs from the run beside it and a little more, as in dynamic time warping. Costs are whole numbers, so that
results are the same on all machines; a cell holds its cost above the place where its alignment began.
"""

import numpy as np

SCALE = 1 << 12  # of the costs: 1 is a run that has nothing in common with the query's
_PLACE_BITS = 24
_PLACES = (1 << _PLACE_BITS) - 1
FAR = 1 << 30  # of what separates records: no alignment is worth that


def align(substitution, skip, text):
    """Return (costs, starts, ends) of the cheapest alignment with each text, each (L,) int64.

    substitution, skip: (m, K + 1) int64, what it costs in units of 1 / SCALE that a run of the query stands for
    a unit, and that either of them is skipped beside the other; the last column is what separates records, and
    is FAR. text: (W, L) int, the texts as columns, at most 2**24 runs long. An alignment begins and ends
    anywhere in the text: [start, end). Of equals the shortest of those that end first is taken.
    """
    width, lanes = text.shape
    # The later the start the smaller the cell: of two equal costs the shorter alignment is less.
    above = np.repeat((_PLACES - np.arange(width + 1))[:, None], lanes, axis=1)
    here, added = np.empty_like(above), np.empty(lanes, np.int64)
    substitution, skip = substitution << _PLACE_BITS, skip << _PLACE_BITS
    for of_unit, skipped in zip(substitution, skip, strict=True):
        beside = skipped.take(text)
        np.add(above[0], skipped[:-1].max(initial=0), out=here[0])
        np.add(above[:-1], of_unit.take(text), out=here[1:])
        np.minimum(here[1:], above[1:] + beside, out=here[1:])
        for place in range(width):
            np.add(here[place], beside[place], out=added)
            np.minimum(here[place + 1], added, out=here[place + 1])
        above, here = here, above
    ends = (above >> _PLACE_BITS).argmin(axis=0)
    best = above[ends, np.arange(lanes)]
    return best >> _PLACE_BITS, _PLACES - (best & _PLACES), ends
