"""How well changes of unit match phone boundaries: precision, recall, F1, over-segmentation and R-value.

Two boundaries match if they are at most 20 ms apart. Each boundary matches at most once, and the number of
matches is the largest possible.

R-value: Räsänen, Laine and Altosaar 2009, "An improved speech segmentation quality measure".
"""

import math

import numpy as np

TOLERANCE = 0.02  # s
_EPSILON = 1e-7  # s; allows for rounding of times that are exactly 20 ms apart


def unit_boundaries(units, frame_shift, first_centre, audible):
    """Return when the units change, in s: halfway between the centres of the two frames.

    units: (N,); first_centre: s; audible: (N,) bool, whether a frame is speech. Changes between two frames
    that are both not speech are left out.

    >>> unit_boundaries([7, 7, 9], 0.02, 0.0125, [True, True, True])
    array([0.0425])
    """
    units, audible = np.asarray(units), np.asarray(audible, bool)
    changes = np.flatnonzero((units[1:] != units[:-1]) & (audible[1:] | audible[:-1]))
    return first_centre + (changes + 0.5) * frame_shift


def phone_boundaries(spans, first, last):
    """Return when phones begin and end between the times first and last, in s, each time once.

    spans: [[start, end, label], ...] of speech in order; the edges of a record are not boundaries.

    >>> phone_boundaries([[0.1, 0.2, "a"], [0.2, 0.3, "b"]], 0.0125, 1.0)
    array([0.1, 0.2, 0.3])
    """
    times = np.unique([time for start, end, _ in spans for time in (start, end)])
    times = times[(times > first) & (times < last)]
    return times[np.diff(times, prepend=-np.inf) > _EPSILON]


def count_matches(reference, found, tolerance=TOLERANCE):
    """Return the largest number of boundaries that can be paired within the tolerance.

    reference, found: times in s, ascending. The earliest partner within the tolerance is never a worse
    choice than a later one, so one pass over both lists finds the most pairs.

    >>> count_matches([0.10, 0.20], [0.09, 0.11, 0.25])
    1
    """
    i = j = matches = 0
    while i < len(reference) and j < len(found):
        gap = found[j] - reference[i]
        if abs(gap) <= tolerance + _EPSILON:
            matches, i, j = matches + 1, i + 1, j + 1
        elif gap < 0:
            j += 1
        else:
            i += 1
    return matches


def scores(matches, reference, found):
    """Return precision, recall, f1, os and r of boundaries, without those that cannot be computed.

    matches, reference, found: numbers of boundaries. os is over-segmentation, found / reference - 1.

    >>> scores(1, 2, 4)["os"], scores(0, 0, 0)
    (1.0, {})
    """
    figures = {}
    if found:
        figures["precision"] = float(matches / found)
    if reference:
        figures["recall"] = float(matches / reference)
    if found or reference:
        figures["f1"] = float(2 * matches / (found + reference))
    if reference:
        figures["os"] = float(found / reference - 1)
        figures["r"] = r_value(figures["recall"], figures["os"])
    return figures


def r_value(recall, over_segmentation):
    """Return the R-value: 1 less the mean distance from the ideal point and from the line of no gain.

    >>> r_value(1.0, 0.0)
    1.0
    """
    to_ideal = math.hypot(1 - recall, over_segmentation)
    to_line = abs(recall - 1 - over_segmentation) / math.sqrt(2)
    return 1 - (to_ideal + to_line) / 2
