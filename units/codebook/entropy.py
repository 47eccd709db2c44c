"""How evenly units are used: the entropy and the perplexity of counts."""

import numpy as np


def entropy(counts):
    """Return the entropy of counts or weights, in bits; NaN if all are 0.

    >>> entropy([2, 1, 1])
    1.5
    """
    counts = np.asarray(counts, np.float64).ravel()
    counts = counts[counts > 0]
    total = counts.sum()
    if not total:
        return np.nan
    return float(np.log2(total) - (counts @ np.log2(counts)) / total) + 0.0


def perplexity(counts):
    """Return the perplexity of counts or weights: the number of equally frequent units of that entropy.

    >>> perplexity([5, 5, 0])
    2.0
    """
    return float(2.0 ** entropy(counts))
