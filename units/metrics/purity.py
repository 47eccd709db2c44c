"""How much units tell of phones: PNMI, phone purity and cluster purity (Hsu et al. 2021, HuBERT).

All are functions of how often each phone and each unit stand at the same frame.
"""

import numpy as np


def joint_counts(phones, units, shape):
    """Return how often each phone meets each unit, (phones, units) int64.

    phones, units: (N,) int, one a frame; shape: numbers of phones and of units.

    >>> joint_counts([0, 0, 1], [2, 2, 0], (2, 3))
    array([[0, 0, 2],
           [1, 0, 0]])
    """
    rows, columns = shape
    cells = np.asarray(phones, np.int64) * columns + np.asarray(units, np.int64)
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)


def entropy(counts):
    """Return the entropy of what was counted, in bits; NaN where nothing was.

    >>> entropy([2, 1, 1])
    1.5
    """
    counts = np.asarray(counts, np.float64).ravel()
    counts = counts[counts > 0]
    total = counts.sum()
    if not total:
        return np.nan
    return float(np.log2(total) - (counts @ np.log2(counts)) / total) + 0.0


def pnmi(counts):
    """Return the phone-normalized mutual information, I(phone; unit) / H(phone), 0 to 1.

    counts: (phones, units). NaN where there are fewer than two phones: there is nothing to tell.

    >>> pnmi(np.array([[5, 0], [0, 5]]))
    1.0
    """
    phone_entropy = entropy(counts.sum(axis=1))
    if not phone_entropy > 0:
        return np.nan
    return (phone_entropy + entropy(counts.sum(axis=0)) - entropy(counts)) / phone_entropy


def phone_purity(counts):
    """Return the share of frames whose phone is the commonest of their unit, 0 to 1; NaN for no frames.

    It can only rise with the number of units: compare at equal numbers.

    >>> phone_purity(np.array([[3, 1], [1, 3]]))
    0.75
    """
    return _share_of_largest(counts, axis=0)


def cluster_purity(counts):
    """Return the share of frames whose unit is the commonest of their phone, 0 to 1; NaN for no frames.

    Low where each phone is spread over many units, as it must be where there are more units than phones.

    >>> cluster_purity(np.array([[3, 1, 0], [0, 2, 2]]))
    0.625
    """
    return _share_of_largest(counts, axis=1)


def _share_of_largest(counts, axis):
    total = counts.sum()
    return float(counts.max(axis=axis).sum() / total) if total else np.nan
