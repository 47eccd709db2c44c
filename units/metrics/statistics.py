"""Statistics of units that need no phones: entropies, bit rates, runs."""

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
    """Return the information of a unit if the one before it is known, H(u_t | u_t-1), in bits.

    pairs: counts of each pair of successive units; firsts: counts of each first unit of those pairs. The
    entropy of pairs is the sum of this and the entropy of one unit. NaN without pairs.

    >>> bigram_entropy([1, 1, 1, 1], [2, 2])  # after each unit, both are equally likely
    1.0
    """
    return max(0.0, entropy(pairs) - entropy(firsts)) if np.sum(pairs) else np.nan


def bitrate(bits, frames, seconds):
    """Return the bit rate in bit/s of frames with `bits` each (Dunbar et al. 2019, framewise stream).

    >>> bitrate(6.54, 50, 1.0)
    327.0
    """
    return bits * frames / seconds if seconds else np.nan


def compression(rate):
    """Return the ratio of the bit rate of 16-bit, 16 kHz PCM to this rate; NaN if the rate is 0.

    >>> round(compression(327.0))
    783
    """
    return PCM_BITRATE / rate if rate > 0 else np.nan


def mean_run(frames, runs):
    """Return the mean length of a run, in frames; NaN without runs."""
    return frames / runs if runs else np.nan


def short_runs(single, runs):
    """Return the share of runs of a single frame (flicker), 0 to 1; NaN without runs."""
    return single / runs if runs else np.nan


def dead_units(units, size=None):
    """Return how many units of 0..size-1 never occur; by default size is the largest unit plus 1.

    >>> dead_units([0, 2, 2]), dead_units([0, 2, 2], size=10)
    (1, 8)
    """
    alive = np.unique(np.asarray(units))
    if size is None:
        size = int(alive[-1]) + 1 if len(alive) else 0
    return size - len(alive)
