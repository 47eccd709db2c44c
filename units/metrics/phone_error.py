"""Phone error rate of units that are each read as the phone they most often stand for.

Many units may stand for one phone. The map is drawn from the very frames it is tried on, as in published
phone discovery: it says how well units could be read, not how well a listener without phones reads them.
"""

import numpy as np


def best_map(counts):
    """Return the commonest phone of each unit, (units,) int64; the first of equals; -1 for a unit never met.

    counts: (phones, units), as `units.metrics.purity.joint_counts` returns.

    >>> best_map(np.array([[3, 1, 0], [0, 2, 0]]))
    array([ 0,  1, -1])
    """
    if not len(counts):
        return np.full(counts.shape[1], -1)
    return np.where(counts.any(axis=0), counts.argmax(axis=0), -1)


def collapse(labels, together):
    """Return the labels without those that repeat the one before and stand together with it.

    labels: (N,) int; together: (N - 1,) bool, whether nothing lies between a label and the next.

    >>> collapse([5, 5, 5, 6], [True, False, True])
    array([5, 5, 6])
    """
    labels = np.asarray(labels, np.int64)
    new = (labels[1:] != labels[:-1]) | ~np.asarray(together, bool)
    return labels[np.concatenate([[True], new])] if len(labels) else labels


def edit_distance(reference, found):
    """Return the fewest insertions, deletions and substitutions that turn one sequence into the other.

    Levenshtein's recurrence, a row at once: what insertions carry along a row is a running minimum.

    >>> edit_distance([1, 2, 3], [1, 3, 3, 4])
    2
    """
    reference, found = np.asarray(reference), np.asarray(found)
    steps = np.arange(len(found) + 1)
    row = steps.copy()
    for label in reference:
        best = row + 1
        np.minimum(best[1:], row[:-1] + (found != label), out=best[1:])
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])
