"""Similarity and coverage of discovered terms, as in the Zero Resource Challenges.

Ludusan et al. 2014, "Bridging the gap between speech technology and natural language processing: an
evaluation toolbox for term discovery systems", LREC; Dunbar et al. 2017, "The Zero Resource Speech Challenge
2017". A fragment contains the phones that it covers by more than half, or by more than 30 ms. `ned`: the
edit distance between the phones of two fragments of a term, divided by the longer length; the mean of all
pairs. `coverage`: the share of the phones of the corpus that are in a fragment. Silence is not a phone. Only
the first MOST fragments of a term are paired.
"""

import itertools

import numpy as np

from units.metrics.phone_error import edit_distance

LEAST = 0.03  # s of a phone that a fragment must cover
MOST = 100  # fragments of a term that are paired
_EPSILON = 1e-6  # s


def phones_within(spans, start, end):
    """Return the range of spans that lie by more than half, or by more than LEAST, between start and end.

    spans: [[start, end, label], ...] in order.

    >>> phones_within([[0.0, 0.1, "a"], [0.1, 0.2, "b"], [0.2, 0.22, "c"]], 0.08, 0.212)
    range(1, 3)
    """
    inside = [
        i
        for i, (first, last, _) in enumerate(spans)
        if min(end, last) - max(start, first) > min(LEAST, (last - first) / 2) - _EPSILON
    ]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


class PhoneCorpus:
    """The phones of recordings: {id: [[start, end, label], ...]} in order, without silence."""

    def __init__(self, phones):
        self.phones = phones
        labels = dict.fromkeys(span[2] for spans in phones.values() for span in spans)
        self._names = {label: i for i, label in enumerate(labels)}

    def figures(self, terms):
        """Return {"ned": ..., "coverage": ..., "terms": ..., "fragments": ..., "pairs": ...}.

        terms: lists of fragments (id, start, end), in s of the recording. Fragments of recordings without
        phones are left out. A figure that cannot be computed is None.
        """
        distances, covered, fragments = [], {name: set() for name in self.phones}, 0
        for term in terms:
            places = [self._place(fragment) for fragment in term if fragment[0] in self.phones]
            fragments += len(places)
            for name, inside in places:
                covered[name].update(inside)
            strings = [self._string(*place) for place in places[:MOST]]
            pairs = itertools.combinations(strings, 2)
            distances += [_distance(one, other) for one, other in pairs if len(one) or len(other)]
        total = sum(map(len, self.phones.values()))
        return {
            "ned": float(np.mean(distances)) if distances else None,
            "coverage": sum(map(len, covered.values())) / total if total else None,
            "terms": len(terms),
            "fragments": fragments,
            "pairs": len(distances),
        }

    def labels(self, name, start, end):
        """Return the labels of the phones in a fragment of a recording."""
        return [self.phones[name][i][2] for i in phones_within(self.phones[name], start, end)]

    def _place(self, fragment):
        name, start, end = fragment
        return name, phones_within(self.phones[name], start, end)

    def _string(self, name, inside):
        return np.array([self._names[self.phones[name][i][2]] for i in inside], np.int64)


def _distance(one, other):
    return edit_distance(one, other) / max(len(one), len(other))
