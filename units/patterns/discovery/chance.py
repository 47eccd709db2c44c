"""How good alignments are by chance: those of a text with itself read backwards, which says nothing twice.

Scores of chance alignments have an exponential tail, K m n exp(-lambda s) of a score s or more among m n
pairs of places: Karlin & Altschul 1990, PNAS 87; lambda from the best alignments of islands: Altschul et al.
2001, Nucleic Acids Research 29. A text read backwards keeps its units, and what stands side by side in it.
"""

import math
from dataclasses import dataclass

import numpy as np

from units.patterns.discovery.scan import scan
from units.patterns.discovery.scores import SAME
from units.patterns.discovery.trace import trace

_RUNS = 20_000  # of the text, that are read backwards
_ENOUGH = 300  # alignments, for a tail to be measured by
_MOST = 200_000


@dataclass(frozen=True)
class Chance:
    """The tail: how likely an alignment of a score of `base` or more ends at a pair of places, and lambda."""

    base: int
    rate: float
    decay: float

    def expected(self, scores, pairs):
        """Return the natural logarithm of how many alignments as good are expected among pairs of places."""
        return math.log(self.rate * pairs) - self.decay * (np.asarray(scores) - self.base)

    def threshold(self, number, pairs):
        """Return the least score, an int, that no more than `number` alignments reach by chance."""
        return math.ceil(self.base + math.log(self.rate * pairs / number) / self.decay - 1e-9)


def measure(text, scores, seed=0):
    """Return the Chance of a text, (T,) uint16 with separators, under (K + 1, K + 1) scores.

    Where the text is so short that chance makes nothing to measure, it is taken to have made one alignment of
    two units: more than it does.
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
    steps = (tail - base) // SAME  # scores cluster at its multiples: geometric in these steps
    return Chance(base, len(tail) / len(part) ** 2, math.log1p(1 / max(steps.mean(), 1 / len(tail))) / SAME)


def scan_all(rows, columns, scores, least):
    """Return all cells of two texts, as `units.patterns.discovery.scan.scan` does of one block."""
    from units.patterns.discovery.scan import blocks

    found = [
        scan(block, rows, columns, scores, least, _MOST, mirrored=False)
        for block in blocks(len(columns), len(scores))
    ]
    return np.concatenate(found)


def _own(found, length):
    """Return whether an alignment is of a stretch with itself: what is read the same from both ends."""
    first, last = length - found[:, 1], length - found[:, 0]  # its rows, as columns
    return np.minimum(last, found[:, 3]) > np.maximum(first, found[:, 2])
