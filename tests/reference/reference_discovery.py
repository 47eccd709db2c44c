"""Slow plain local alignment, one cell after the other, that the fast search for terms is held against."""

from units.patterns.discovery.scores import SKIP


def islands(rows, columns, scores, least, mirrored=True):
    """{(row, column) where alignments begin: (score, row, column) of their best end}, of a score or more."""
    best = {}
    for (i, j), (score, start) in cells(rows, columns, scores, mirrored).items():
        if score >= least and score > best.get(start, (0,))[0]:
            best[start] = (score, i, j)
    return best


def cells(rows, columns, scores, mirrored=True):
    """{(row, column): (score, where it begins)} of the best alignments that end in each cell, above 0.

    An alignment goes on by a run of both texts, or by two of one of them at the cost of SKIP.
    """
    rows, columns, scores = rows.tolist(), columns.tolist(), scores.tolist()
    nothing = [(0, None)] * len(columns)
    before, above, found = nothing, nothing, {}
    for i, unit in enumerate(rows):
        here = list(nothing)
        for j in range(i + 1 if mirrored else 0, len(columns)):
            ways = [(0, (i, j))]
            if j > 0:
                ways += [above[j - 1], (before[j - 1][0] - SKIP, before[j - 1][1])]
            if j > 1:
                ways.append((above[j - 2][0] - SKIP, above[j - 2][1]))
            score, start = max(ways, key=lambda way: way[0])
            score += scores[unit][columns[j]]
            if score > 0 and len(scores) - 1 not in (unit, columns[j]):  # what parts recordings
                here[j] = found[i, j] = (score, start if start else (i, j))
        before, above = above, here
    return found


def alignments(text, scores, least, min_duration):
    """[[start, stop, start, stop]] of a text with itself, as good as `least` times how alike they last."""
    found = []
    for (i, j), (score, last_i, last_j) in islands(text.units, text.units, scores, least).items():
        one, other = text.ends[last_i] - text.begins[i], text.ends[last_j] - text.begins[j]
        long = min(one, other) >= min_duration - 1e-9
        if long and j > last_i and score * min(one, other) / max(one, other) >= least:
            found.append([i, last_i + 1, j, last_j + 1])
    return found
