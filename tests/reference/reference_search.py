"""A slow plain search, against which the fast one is held."""

import numpy as np


def best_alignments(rows, text, separator, stay, step):
    """Return [(cost, start)] of the cheapest alignment that ends with each run; None where none does.

    By going through every way there is, one by one: each row stands where the row before stood, one further,
    or two further; that costs `stay`, 0 and `step`. Of equal costs the later start.
    """
    best = [None] * len(text)

    def go_on(row, place, start, cost):
        if place >= len(text) or separator in text[start : place + 1]:
            return
        cost += int(rows[row][text[place]])
        if row + 1 == len(rows):
            found = best[place]
            if found is None or (cost, -start) < (found[0], -found[1]):
                best[place] = cost, start
            return
        for ahead, price in ((0, stay), (1, 0), (2, step)):
            go_on(row + 1, place + ahead, start, cost + price)

    for start in range(len(text)):
        go_on(0, start, start, 0)
    return best


def distances(points, centroids):
    """Return how much further each point is from each centroid than from its nearest, squared; at most 1.

    1 is the median squared distance between two different centroids.
    """
    pairs = [float(np.square(a - b).sum()) for i, a in enumerate(centroids) for b in centroids[:i]]
    usual = float(np.median(pairs)) if pairs and np.median(pairs) > 0 else 1.0
    found = [[float(np.square(p - c).sum()) / usual for c in centroids] for p in points]
    return [[min(d - min(row), 1.0) for d in row] for row in found]
