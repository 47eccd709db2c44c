"""How units relate to phones and to each other: shares, overlaps, alternations, durations."""

import numpy as np

from units.codebook.runs import run_lengths


def phone_shares(joint):
    """Return the shares of each unit's frames that each phone has, (units, phones); 0 if it has none.

    joint: (phones, units) counts.

    >>> phone_shares(np.array([[3, 0], [1, 0]]))
    array([[0.75, 0.25],
           [0.  , 0.  ]])
    """
    counts = np.asarray(joint, np.float64).T
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def by_best_phone(shares):
    """Return the order of units by their most frequent phone, the purest first, without a phone last.

    >>> by_best_phone(np.array([[0.4, 0.6], [0.0, 0.0], [0.1, 0.9], [1.0, 0.0]]))
    array([3, 2, 0, 1])
    """
    best, height = shares.argmax(axis=1), shares.max(axis=1)
    return np.lexsort((-height, np.where(height > 0, best, shares.shape[1])))


def overlap(shares):
    """Return the overlap of each pair of units, the sum over phones of the smaller share: (U, U), 0 to 1.

    >>> overlap(np.array([[0.75, 0.25], [0.5, 0.5]])).round(2)
    array([[1.  , 0.75],
           [0.75, 1.  ]])
    """
    common = np.zeros((len(shares), len(shares)))
    for column in shares.T:
        common += np.minimum.outer(column, column)
    return common


def alternations(records, units):
    """Return how often two units follow each other, in either order, within a phone: (U, U) counts.

    records: of units.metrics.aligned; units: (U,) ascending, the units to count.
    """
    counts = np.zeros((len(units), len(units)), np.int64)
    for record in records:
        code = np.minimum(np.searchsorted(units, record.units), len(units) - 1)
        known = units[code] == record.units
        within = (record.span[1:] >= 0) & (record.span[1:] == record.span[:-1])
        change = within & (code[1:] != code[:-1]) & known[1:] & known[:-1]
        np.add.at(counts, (code[:-1][change], code[1:][change]), 1)
    return counts + counts.T


def durations(records, units):
    """Return the length of each run in s and the index of its unit: (R,) and (R,)."""
    lengths, codes = [np.zeros(0)], [np.zeros(0, np.int64)]
    for record in records:
        runs = run_lengths(record.units)[1]
        starts = np.cumsum(runs) - runs
        lengths.append(runs * record.frame_shift)
        codes.append(np.searchsorted(units, record.units[starts]))
    return np.concatenate(lengths), np.concatenate(codes)


def closest_pairs(counts, most):
    """Return the pairs of units (a, b), a < b, that alternate most often, [(a, b)], at most `most`.

    >>> closest_pairs(np.array([[0, 2, 0], [2, 0, 5], [0, 5, 0]]), 9)
    [(1, 2), (0, 1)]
    """
    first, second = np.nonzero(np.triu(counts))
    order = np.argsort(-counts[first, second], kind="stable")[:most]
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))
