"""Strings of units that recur, found by growing all of them one unit at a time."""

import numpy as np


def repeats(joined, longest, most):
    """Return strings of 2 to `longest` units that occur twice or more: (S, 3) int.

    joined: (N,) int, sequences of units, each followed by -1. Each row is the first start of a string, its
    length and its count. Strings that are always followed by the same unit are left out, because the longer
    string covers them. At most `most` are returned, those that hold the most units over all their occurrences
    first.

    >>> repeats(np.array([1, 2, 3, -1, 1, 2, 3, -1, 1, 2, 4, -1]), 9, 9).tolist()
    [[0, 2, 3], [0, 3, 2], [1, 2, 2]]
    """
    base = joined.max(initial=0) + 1
    starts = np.flatnonzero(joined >= 0)
    names, firsts, counts = _name(joined[starts])
    found = np.empty((0, 3), np.int64)
    for length in range(1, longest + 1):
        starts_on, names_on = _followed(joined, starts, names, length)
        keys = names_on * base + joined[starts_on + length]
        longer, longer_firsts, longer_counts = _name(keys)
        extended = np.zeros(len(counts), np.int64)
        np.maximum.at(extended, names_on[longer_firsts], longer_counts)
        if length > 1:
            maximal = (counts > 1) & ((counts > extended) | (length == longest))
            level = np.stack([starts[firsts], np.full(len(counts), length), counts], axis=1)[maximal]
            found = _largest(np.concatenate([found, level]), most)
        again = longer_counts[longer] > 1
        starts = starts_on[again]
        names, firsts, counts = _name(longer[again])
        if not len(starts):
            break
    return found


def _name(keys):
    """Return a name from 0 up for each key, the first place of each name, and its count: (N,), (M,), (M,)."""
    _, firsts, names, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    return names, firsts, counts


def _followed(joined, starts, names, length):
    """Return the starts, with their names, at which a unit follows the string of that length."""
    following = joined[np.minimum(starts + length, len(joined) - 1)] >= 0
    return starts[following], names[following]


def _largest(found, most):
    return found[np.argsort(-found[:, 1] * found[:, 2], kind="stable")[:most]]
