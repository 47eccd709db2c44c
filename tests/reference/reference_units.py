"""Slow plain versions, one thing after the other, that the fast figures of units are held against."""

import itertools
import math
from collections import Counter, defaultdict
from functools import lru_cache


def warp(distances):
    """Mean distance along the cheapest path through rows; among cheapest the diagonal, else the shorter."""

    @lru_cache(None)
    def best(i, j):
        if i == j == 0:
            return distances[0][0], 1
        ways = []
        if i and j:
            ways.append((best(i - 1, j - 1), 0))
        if i:
            ways.append((best(i - 1, j), 1))
        if j:
            ways.append((best(i, j - 1), 1))
        (cost, length), _ = min(ways, key=lambda way: (way[0][0], way[1], way[0][1]))
        return cost + distances[i][j], length + 1

    cost, length = best(len(distances) - 1, len(distances[0]) - 1)
    return cost / length


def angle(one, other):
    """Angle between two vectors as a part of half a turn."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    norms = math.sqrt(sum(a * a for a in one)) * math.sqrt(sum(b * b for b in other))
    return math.acos(max(-1.0, min(1.0, dot / norms if norms else 0.0))) / math.pi


def unequal(one, other):
    """0 for equal units, else 1."""
    return float(one != other)


def token_distance(one, other, local):
    """DTW distance of two lists of frames."""
    return warp([[local(a, b) for b in other] for a in one])


def abx(tokens, local):
    """ABX of [(context, phone, speaker, frames)]: (within, across), None where nothing is tested."""
    known = {}

    def far(one, other):
        key = tuple(sorted((id(one), id(other))))
        if key not in known:
            known[key] = token_distance(one[3], other[3], local)
        return known[key]

    def error(a, b, x):
        near, wrong = far(a, x), far(b, x)
        return 1.0 if near > wrong else 0.5 if near == wrong else 0.0

    within, across = defaultdict(list), defaultdict(list)
    for a, b, x in itertools.product(tokens, repeat=3):
        if a is x or not (a[0] == b[0] == x[0] and a[1] == x[1] != b[1] and a[2] == b[2]):
            continue
        kind = within if a[2] == x[2] else across
        kind[a[1], b[1], a[2], a[0], x[2]].append(error(a, b, x))
    return _averaged(within), _averaged(across)


def _averaged(triples):
    cells = {key: sum(errors) / len(errors) for key, errors in triples.items()}
    for drop in (3, 2):  # contexts and speakers of X, then speakers of A and B
        groups = defaultdict(list)
        for key, value in cells.items():
            groups[key[:drop]].append(value)
        cells = {key: sum(values) / len(values) for key, values in groups.items()}
    return sum(cells.values()) / len(cells) if cells else None


def edit_distance(reference, found):
    """Levenshtein's distance, by its recurrence."""

    @lru_cache(None)
    def best(i, j):
        if not i or not j:
            return i + j
        changed = reference[i - 1] != found[j - 1]
        return min(best(i - 1, j) + 1, best(i, j - 1) + 1, best(i - 1, j - 1) + changed)

    return best(len(reference), len(found))


def matches(reference, found, tolerance):
    """Most pairs of boundaries within the tolerance, by augmenting paths (Kuhn 1955)."""
    partner = {}

    def augment(i, tried):
        for j, time in enumerate(found):
            if abs(time - reference[i]) <= tolerance + 1e-7 and j not in tried:
                tried.add(j)
                if j not in partner or augment(partner[j], tried):
                    partner[j] = i
                    return True
        return False

    return sum(augment(i, set()) for i in range(len(reference)))


def phone_at(phones, time):
    """Index of the last phone that holds a time, -1 for none."""
    return max((i for i, (start, end, _) in enumerate(phones) if start <= time + 1e-7 < end), default=-1)


def conditional_entropy(units):
    """Bits of a unit when the one before is known, counted pair by pair."""
    pairs, firsts = Counter(itertools.pairwise(units)), Counter(units[:-1])
    total = len(units) - 1
    return -sum(n / total * math.log2(n / firsts[first]) for (first, _), n in pairs.items())
