"""What a stream of units costs and how it moves, with no look at phones: entropies, bits, runs."""

import numpy as np

from units.audio.timing import RATE
from units.metrics.purity import entropy

PCM_BITRATE = 16 * RATE  # bit/s of 16-bit audio


def bigrams(units):
    """Return the pairs of successive units of one record, (N - 1, 2).

    >>> bigrams([4, 4, 7])
    array([[4, 4],
           [4, 7]])
    """
    units = np.asarray(units)
    return np.stack([units[:-1], units[1:]], axis=1)


def bigram_entropy(pairs, firsts):
    """Return the bits that a unit still tells when the one before it is known, H(u_t | u_t-1).

    pairs: counts of each pair of successive units; firsts: counts of each first unit of those pairs. The
    entropy of the pairs themselves is this and that of one unit together. NaN where there are no pairs.

    >>> bigram_entropy([1, 1, 1, 1], [2, 2])  # after either unit both are as likely
    1.0
    """
    return max(0.0, entropy(pairs) - entropy(firsts)) if np.sum(pairs) else np.nan


def bitrate(bits, frames, seconds):
    """Return the bit/s of frames that carry so many bits each (Dunbar et al. 2019, the framewise stream).

    >>> bitrate(6.54, 50, 1.0)
    327.0
    """
    return bits * frames / seconds if seconds else np.nan


def compression(rate):
    """Return how many times fewer bits than 16-bit, 16 kHz PCM; NaN for no bits at all.

    >>> round(compression(327.0))
    783
    """
    return PCM_BITRATE / rate if rate > 0 else np.nan


def mean_run(frames, runs):
    """Return the frames of a mean run; NaN for none."""
    return frames / runs if runs else np.nan


def short_runs(single, runs):
    """Return the share of runs that last one frame only, 0 to 1: flicker; NaN for no runs."""
    return single / runs if runs else np.nan


def dead_units(units, size=None):
    """Return how many units of 0..size-1 never occur; size is the highest unit and one where not known.

    >>> dead_units([0, 2, 2]), dead_units([0, 2, 2], size=10)
    (1, 8)
    """
    alive = np.unique(np.asarray(units))
    if size is None:
        size = int(alive[-1]) + 1 if len(alive) else 0
    return size - len(alive)
