"""Find a spoken query in the Sounds of an index: the places that match it, best first."""

from dataclasses import dataclass

import numpy as np

from units.patterns.search.matching import SCALE
from units.patterns.search.scan import BIN, candidates
from units.patterns.search.spoken import price, warp

_ALL_FRAMES = 400_000  # up to two hours, every place is compared
_CANDIDATES = 1500  # stretches of a larger corpus that are compared
_CHANCE_FRAMES = 60_000  # of random stretches, to see what chance scores
_TAIL = (0.02, 0.1)  # quantiles between which chance is measured; a word said often may be more than 1 %


@dataclass(frozen=True)
class Matches:
    """The best match in each stretch of an index, unsorted: (P,) arrays.

    begins, ends: frames of the Sounds; costs: mean cost per row of the query; false_alarms: how many places
    of this index would match as well by chance.
    """

    begins: np.ndarray
    ends: np.ndarray
    costs: np.ndarray
    false_alarms: np.ndarray


def listen(sounds, query, exhaustive=False, seed=0):
    """Return the Matches of a query, (L, R) vectors of length one."""
    total, length = len(sounds.common), len(query)
    if exhaustive or total <= _ALL_FRAMES:
        begins, ends, costs = _compare(sounds, query, np.zeros(1, np.int64), np.full(1, total))
        chance, stretches = costs, len(costs)
    else:
        begins, ends, costs = _compare(sounds, query, *_likely(sounds, query))
        firsts = np.random.default_rng(seed).integers(0, total - 4 * length, _CHANCE_FRAMES // (4 * length))
        chance = _compare(sounds, query, firsts, firsts + 4 * length)[2]
        stretches = total / length
    return Matches(begins, ends, costs, expected(costs, chance, stretches))


def expected(costs, chance, stretches):
    """Return how many of a number of stretches would have such costs by chance, (P,) float.

    chance: (C,) costs of stretches at random. Their low end falls off exponentially (Karlin & Altschul 1990,
    PNAS 87). Its slope is measured between two quantiles, not at the lowest costs, because some of these may
    be occurrences of the query.
    """
    lowest, edge = np.quantile(chance, _TAIL)
    fall = max((edge - lowest) / np.log(_TAIL[1] / _TAIL[0]), 1e-6)
    return stretches * np.minimum(1.0, _TAIL[1] * np.exp(np.minimum((costs - edge) / fall, 50)))


def _likely(sounds, query):
    """Return the (first, last) frames of the stretches in which the query probably is."""
    rows = np.append(
        price(query, sounds.space.classes, sounds.space.class_common()), np.ones((len(query), 1)), 1
    )
    runs = (np.clip(rows, 0, 1) * SCALE).astype(np.int64)
    bins = candidates(runs, sounds.text, _CANDIDATES)
    edges = sounds.run_edges
    ends = edges[np.minimum((bins + 1) * BIN, len(edges) - 1)]
    return np.maximum(edges[bins * BIN] - 2 * len(query), 0), ends


def _compare(sounds, query, firsts, lasts):
    """Return (begins, ends, costs) of the best match in each stretch of some frames.

    firsts, lasts: the frames, which may overlap. A stretch is as long as the query.
    """
    places = _merged(firsts, lasts)
    vectors, common = sounds.vectors(places)
    breaks = np.diff(places, prepend=-2) != 1
    at = np.searchsorted(places, sounds.edges[:-1]).clip(max=len(places) - 1)
    breaks[at[places[at] == sounds.edges[:-1]]] = True
    paths = warp(query, vectors, common, breaks)
    length = len(query)
    heads = np.arange(0, len(places), length)
    padded = np.pad(paths.costs, (0, -len(places) % length), constant_values=np.inf)
    best = heads + padded.reshape(-1, length).argmin(axis=1)
    return places[paths.begins[best]], places[best] + 1, paths.costs[best]


def _merged(firsts, lasts):
    """Return the frames of stretches, each once, ascending.

    >>> _merged(np.array([4, 0, 1]), np.array([6, 2, 3])).tolist()
    [0, 1, 2, 4, 5]
    """
    order = np.argsort(firsts, kind="stable")
    firsts, reached = firsts[order], np.maximum.accumulate(lasts[order])
    firsts = np.maximum(firsts, np.append(0, reached[:-1]))  # what the stretches before do not have
    lengths = np.maximum(reached - firsts, 0)
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - (ends - lengths), lengths)
