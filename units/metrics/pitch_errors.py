"""Differences of two F0 tracks.

All take two tracks of equal length, (N,) in Hz, 0 if unvoiced. A figure of frames that are voiced in both is
None if there are no such frames. Errors of voicing and gross errors as in Chu and Alwan 2009 (doi
10.1109/ICASSP.2009.4960497).
"""

import numpy as np


def _voiced_in_both(reference, synthesis):
    reference, synthesis = np.asarray(reference, np.float64), np.asarray(synthesis, np.float64)
    both = (reference > 0) & (synthesis > 0)
    return reference[both], synthesis[both]


def f0_rmse_hz(reference, synthesis):
    """Return the root mean squared difference in Hz, over frames voiced in both.

    >>> f0_rmse_hz([100, 200, 0], [103, 196, 150])
    3.5355339059327378
    """
    a, b = _voiced_in_both(reference, synthesis)
    return float(np.sqrt(np.mean((b - a) ** 2))) if len(a) else None


def f0_rmse_cents(reference, synthesis):
    """Return the root mean squared difference in cents, over frames voiced in both; an octave is 1200.

    >>> f0_rmse_cents([100, 0], [200, 0])
    1200.0
    """
    a, b = _voiced_in_both(reference, synthesis)
    return float(np.sqrt(np.mean((1200 * np.log2(b / a)) ** 2))) if len(a) else None


def f0_corr(reference, synthesis):
    """Return Pearson's correlation in Hz, over frames voiced in both; None if either is constant.

    >>> round(f0_corr([100, 120, 0, 140], [110, 130, 90, 150]), 9)
    1.0
    """
    a, b = _voiced_in_both(reference, synthesis)
    if len(a) < 2:
        return None
    a, b = a - a.mean(), b - b.mean()
    # variation below the rounding error counts as constant
    if min(np.abs(a).max(), np.abs(b).max()) < 1e-9:
        return None
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def vde(reference, synthesis):
    """Return the voicing decision error: the share of all frames that are voiced in only one track.

    >>> vde([100, 0, 0, 90], [100, 80, 0, 0])
    0.5
    """
    a, b = np.asarray(reference) > 0, np.asarray(synthesis) > 0
    return float(np.mean(a != b)) if len(a) else None


def gpe(reference, synthesis):
    """Return the gross pitch error: the share of frames voiced in both whose F0 is off by more than 20 %.

    >>> gpe([100, 100, 100, 0], [119, 121, 79, 50])
    0.6666666666666666
    """
    a, b = _voiced_in_both(reference, synthesis)
    return float(np.mean(np.abs(b - a) > 0.2 * a)) if len(a) else None
