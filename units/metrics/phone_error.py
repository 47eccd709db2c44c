"""Phone error rate if each unit is read as its most frequent phone.

Several units may map to one phone. The map is fitted to the same frames on which it is tested, as in
published phone discovery: it is the best case, not the result of a listener who does not know the phones.
"""

import numpy as np


def best_map(counts):
    """Return the most frequent phone of each unit, (units,) int64; -1 for units that never occur.

    counts: (phones, units), frames with both.

    >>> best_map(np.array([[3, 1, 0], [0, 2, 0]]))
    array([ 0,  1, -1])
    """
    if not len(counts):
        return np.full(counts.shape[1], -1)
    return np.where(counts.any(axis=0), counts.argmax(axis=0), -1)


def collapse(labels, together):
    """Return the labels without those that repeat the adjacent label before them.

    labels: (N,) int; together: (N - 1,) bool, whether nothing lies between a label and the next.

    >>> collapse([5, 5, 5, 6], [True, False, True])
    array([5, 5, 6])
    """
    labels = np.asarray(labels, np.int64)
    new = (labels[1:] != labels[:-1]) | ~np.asarray(together, bool)
    return labels[np.concatenate([[True], new])] if len(labels) else labels


def edit_distance(reference, found):
    """Return the fewest insertions, deletions and substitutions that turn one sequence into the other.

    Levenshtein's recurrence, one row at a time; insertions along a row are a running minimum.

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
