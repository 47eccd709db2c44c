"""Slow plain versions of what units.metrics does fast, written from the definitions."""

import math


def align(x, y):
    """Return the least cost of any alignment of two sequences of vectors, and how many pairs it has."""
    best = {(-1, -1): (0.0, 0)}
    for i in range(len(x)):
        for j in range(len(y)):
            before = [best[p] for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p in best]
            cost, pairs = min(before, key=lambda b: b[0])
            best[i, j] = cost + math.dist(x[i], y[j]), pairs + 1
    return best[len(x) - 1, len(y) - 1]
