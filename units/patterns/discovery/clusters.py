"""Clusters of similar fragments: stars, each a fragment and those that are aligned with it directly.

The star with the largest total score is taken first, and its fragments are removed from the pool (Aslam,
Pelekhov & Rus 2004, Journal of Graph Algorithms and Applications 8). Connected components would chain: `a b`,
`b c` and `c d` are not one term.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cluster:
    """Similar fragments of a text, [start, stop), (C,) int each; the first is the reference.

    scores: (C,) float, the score of the alignment with the first; the first has the largest.
    """

    starts: np.ndarray
    stops: np.ndarray
    scores: np.ndarray


def stars(alignments, worth, length, least=2):
    """Return the Clusters of alignments with `least` fragments or more, in the order in which they are found.

    alignments: (A, 4) int, each of the fragments [start, stop) and [start, stop) of a text of `length`;
    worth: (A,) float, above 0. Two fragments are one place if they share half of what they cover together.
    """
    sides = _Sides(alignments, worth)
    taken, found = np.zeros(length, bool), []
    for start, stop in sides.by_weight():
        if _free(taken, start, stop):
            members = [(start, stop, 0.0)]
            taken_now = [_take(taken, start, stop)]
            for fragment in sides.partners(start, stop):
                if _free(taken, *fragment[:2]):
                    taken_now.append(_take(taken, *fragment[:2]))
                    members.append(fragment)
            if len(members) >= max(least, 2):
                found.append(_cluster(members))
            else:
                for part in taken_now:
                    taken[part] = False
    return found


def _free(taken, start, stop):
    return 2 * np.count_nonzero(taken[start:stop]) < stop - start


def _take(taken, start, stop):
    """Mark the places of a fragment; return those that were not marked before."""
    part = start + np.flatnonzero(~taken[start:stop])
    taken[part] = True
    return part


def _cluster(members):
    starts, stops, scores = (np.array(column) for column in zip(*members, strict=True))
    scores[0] = scores[1:].max()
    return Cluster(starts, stops, scores)


class _Sides:
    """The two fragments of each alignment, in order of their starts."""

    def __init__(self, alignments, worth):
        starts = np.concatenate([alignments[:, 0], alignments[:, 2]]).astype(np.int64)
        stops = np.concatenate([alignments[:, 1], alignments[:, 3]]).astype(np.int64)
        self.order = np.lexsort((stops, starts))
        self.starts, self.stops = starts[self.order], stops[self.order]
        other = np.roll(np.arange(len(starts)), len(alignments))[self.order]
        self.other_starts, self.other_stops = starts[other], stops[other]
        self.worth = np.tile(worth, 2)[self.order]

    def by_weight(self):
        """Yield the different fragments, (start, stop), those with the best alignments first."""
        if not len(self.starts):
            return
        new = np.append(True, (np.diff(self.starts) > 0) | (np.diff(self.stops) > 0))
        first = np.flatnonzero(new)
        weight = np.add.reduceat(self.worth, first)
        for i in first[np.argsort(-weight, kind="stable")].tolist():
            yield int(self.starts[i]), int(self.stops[i])

    def partners(self, start, stop):
        """Return [(start, stop, worth)] of the fragments aligned with one that is the same place as a
        fragment."""
        length = stop - start
        low = np.searchsorted(self.starts, start - length)
        near = slice(low, np.searchsorted(self.starts, start + length))
        shared = np.minimum(self.stops[near], stop) - np.maximum(self.starts[near], start)
        joint = self.stops[near] - self.starts[near] + length - shared
        at = low + np.flatnonzero(2 * shared >= joint)
        at = at[np.lexsort((self.other_starts[at], -self.worth[at]))]
        columns = self.other_starts[at], self.other_stops[at], self.worth[at]
        return list(zip(*(column.tolist() for column in columns), strict=True))
