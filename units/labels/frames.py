"""Phones on the time line of units: frame i has the phone at its centre."""

import numpy as np

from units.audio.timing import RATE, RECEPTIVE_FIELD

FIELD = RECEPTIVE_FIELD / RATE  # s that one frame covers
_EPSILON = 1e-7  # s; rounding must not move a boundary off a centre


def centres(frames, frame_shift):
    """Return the centre of each frame, (frames,) float64, in s.

    >>> centres(3, 0.02)
    array([0.0125, 0.0325, 0.0525])
    """
    return np.arange(frames) * frame_shift + FIELD / 2


def cut(phones, start, end):
    """Return the phones between start and end, in s, their times counted from start.

    phones: [[start, end, label], ...]. A phone across an edge is cut there; one outside is left out.

    >>> cut([[0.0, 1.0, "a"], [1.0, 2.5, "b"], [2.5, 3.0, "c"]], 0.5, 2.5)
    [[0.0, 0.5, 'a'], [0.5, 2.0, 'b']]
    """
    return [
        [max(first, start) - start, min(last, end) - start, label]
        for first, last, label in phones
        if max(first, start) < min(last, end)
    ]


def phone_at(phones, times):
    """Return the index of the phone at each time, -1 if there is none; if two overlap, the later one.

    phones: [[start, end, label], ...] in order of start; times: (N,) s. Returns (N,) int64.

    >>> phone_at([[0.0, 0.02, "a"], [0.04, 0.06, "b"]], [0.0125, 0.0325, 0.0525])
    array([ 0, -1,  1])
    """
    times = np.asarray(times, np.float64) + _EPSILON
    starts = np.array([phone[0] for phone in phones])
    ends = np.array([phone[1] for phone in phones])
    index = np.searchsorted(starts, times, side="right") - 1
    if len(phones):
        index[times >= ends[index]] = -1
    return index
