"""How good alignments are by chance, measured on a text aligned with itself read backwards.

Scores of chance alignments have an exponential tail: K m n exp(-lambda s) have a score of s or more among m n
pairs of places (Karlin & Altschul 1990, PNAS 87). lambda comes from the best alignments of islands (Altschul
et al. 2001, Nucleic Acids Research 29). A text read backwards keeps its units and their neighbours, but
repeats no words.
"""

import math
from dataclasses import dataclass

import numpy as np

from units.patterns.discovery.scan import column_blocks, scan
from units.patterns.discovery.scores import SAME
from units.patterns.discovery.trace import trace

_RUNS = 20_000  # runs of the text that are read backwards
_ENOUGH = 300  # smallest number of alignments from which the tail is measured
_MOST = 200_000


@dataclass(frozen=True)
class Chance:
    """The tail: the rate of alignments of a score of `base` or more per pair of places, and lambda."""

    base: int
    rate: float
    decay: float

    def expected(self, scores, pairs):
        """Return the natural logarithm of the expected number of alignments as good among pairs of places."""
        return math.log(self.rate * pairs) - self.decay * (np.asarray(scores) - self.base)

    def threshold(self, number, pairs):
        """Return the smallest score, an int, that at most `number` alignments reach by chance."""
        return math.ceil(self.base + math.log(self.rate * pairs / number) / self.decay - 1e-9)


def measure(text, scores, seed=0):
    """Return the Chance of a text, (T,) uint16 with separators, under (K + 1, K + 1) scores.

    If the text is so short that there are no chance alignments to measure, one alignment of two units is
    assumed, which is more than there are.
    """
    start = int(np.random.default_rng(seed).integers(max(1, len(text) - _RUNS + 1)))
    part = text[start : start + _RUNS]
    backwards = part[::-1].copy()
    cells = scan_all(backwards, part, scores, 2 * SAME)
    found = trace(cells, backwards, part, scores)
    found = found[~_own(found, len(part))]
    ordered = np.sort(found[:, 4])[::-1] if len(found) else np.array([2 * SAME])
    base = int(ordered[min(_ENOUGH, len(ordered)) - 1])
    tail = ordered[ordered >= base]
    steps = (tail - base) // SAME  # scores cluster at multiples of this: geometric in these steps
    return Chance(base, len(tail) / len(part) ** 2, math.log1p(1 / max(steps.mean(), 1 / len(tail))) / SAME)


def scan_all(rows, columns, scores, least):
    """Return all cells of two texts, as `scan.scan` returns them for one block."""
    found = [
        scan(block, rows, columns, scores, least, _MOST, mirrored=False)
        for block in column_blocks(len(columns), len(scores))
    ]
    return np.concatenate(found)


def _own(found, length):
    """Return whether an alignment aligns a palindrome with itself."""
    first, last = length - found[:, 1], length - found[:, 0]  # its rows, as columns
    return np.minimum(last, found[:, 3]) > np.maximum(first, found[:, 2])
