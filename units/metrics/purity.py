"""How well units predict phones: PNMI, phone purity and cluster purity (Hsu et al. 2021, HuBERT).

All are functions of how often each phone and each unit occur in the same frame.
"""

import numpy as np

from units.codebook.entropy import entropy


def pnmi(counts):
    """Return the phone-normalized mutual information, I(phone; unit) / H(phone), 0 to 1.

    counts: (phones, units). NaN if there are fewer than two phones.

    >>> pnmi(np.array([[5, 0], [0, 5]]))
    1.0
    """
    phone_entropy = entropy(counts.sum(axis=1))
    if not phone_entropy > 0:
        return np.nan
    return (phone_entropy + entropy(counts.sum(axis=0)) - entropy(counts)) / phone_entropy


def phone_purity(counts):
    """Return the share of frames that have the most frequent phone of their unit, 0 to 1; NaN without frames.

    It rises with the number of units: compare only equal numbers.

    >>> phone_purity(np.array([[3, 1], [1, 3]]))
    0.75
    """
    return _share_of_largest(counts, axis=0)


def cluster_purity(counts):
    """Return the share of frames that have the most frequent unit of their phone, 0 to 1; NaN without frames.

    Low if phones are spread over many units, which is unavoidable if there are more units than phones.

    >>> cluster_purity(np.array([[3, 1, 0], [0, 2, 2]]))
    0.625
    """
    return _share_of_largest(counts, axis=1)


def _share_of_largest(counts, axis):
    total = counts.sum()
    return float(counts.max(axis=axis).sum() / total) if total else np.nan
