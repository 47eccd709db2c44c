"""ABX: how often a triphone is closer to one with another middle phone than to the same triphone.

Schatz et al. 2013; contexts, speakers and averaging as in Libri-Light (Kahn et al. 2020): a token is a
whole triphone, A and X share all three phones, B has another one in the middle; within: all of one speaker;
across: A and B of one, X of another. Errors are averaged over triples, then contexts (and speakers of X),
then speakers, then pairs of phones; chance is 0.5. The distance is DTW normalised by path length.
"""

import functools
from dataclasses import dataclass

import numpy as np

from units.metrics.bootstrap import pooled
from units.metrics.token_distances import CELLS, distance_matrices
from units.metrics.triphones import Tokens
from units.parallel import ordered_map

_FEW = 4000  # tokens; with fewer, starting another process takes longer
_MOST_OTHERS = 5  # speakers of X for one A and B, as in Libri-Light


def abx(tokens, frames, metric="angular", seed=0, jobs=1):
    """Return {"within": interval, "across": interval}, error rates, without those that no triple tests.

    tokens: Tokens; frames: (F,) int units, or (F, D) float32 of unit length; jobs: processes. The intervals
    are over phones, because the score is a mean over pairs of phones.
    """
    errors = {"within": [], "across": []}
    batches = _batches(tokens, frames, np.random.default_rng(seed))
    jobs = jobs if len(tokens) > _FEW else 1
    for _, future in ordered_map(functools.partial(_batch_errors, metric=metric), batches, jobs):
        for kind, rows in future.result():
            errors[kind].extend(rows)
    return {kind: _average(np.array(rows), seed) for kind, rows in errors.items() if rows}


def _batch_errors(batch, metric):
    """Return [(kind, rows of `_errors`)] of the tests of a batch of contexts."""
    parts = [(context.frames, context.tokens.length, _needed(context)) for context in batch]
    matrices = distance_matrices(parts, metric)
    return [
        (cell.kind, _errors(context.tokens, cell, distances))
        for context, distances in zip(batch, matrices, strict=True)
        for cell in context.cells
    ]


@dataclass(frozen=True)
class _Cell:
    """X, and A and B in the order of their phones, as index arrays into the tokens of a context."""

    kind: str
    x: np.ndarray
    a: np.ndarray
    b: np.ndarray


@dataclass(frozen=True)
class _Context:
    """Tokens between the same two phones, in order of speaker and phone, their frames, and their tests."""

    tokens: Tokens
    frames: np.ndarray
    cells: list


def _batches(tokens, frames, generator):
    """Yield batches of contexts that have tests; each batch fits in memory."""
    batch, size = [], 0
    order = np.lexsort((tokens.phone, tokens.speaker, tokens.context))
    for index in np.split(order, np.flatnonzero(np.diff(tokens.context[order])) + 1):
        context = tokens.take(index)
        cells = list(_cells(context, generator)) if len(index) > 2 else []
        if not cells:
            continue
        ranges = zip(context.start.tolist(), context.length.tolist(), strict=True)
        own = frames[np.concatenate([np.arange(start, start + length) for start, length in ranges])]
        if batch and size + len(own) ** 2 > CELLS:
            yield batch
            batch, size = [], 0
        batch.append(_Context(context, own, cells))
        size += len(own) ** 2
    if batch:
        yield batch


def _cells(context, generator):
    """Yield the tests of one context, its tokens in order of speaker and phone."""
    groups = {}
    for i, key in enumerate(zip(context.speaker.tolist(), context.phone.tolist(), strict=True)):
        groups.setdefault(key, []).append(i)
    for (speaker, phone), a in groups.items():
        rest = [index for key, index in groups.items() if key[0] == speaker and key[1] != phone]
        if not rest:
            continue
        a, b = np.array(a), np.concatenate(rest)
        if len(a) > 1:
            yield _Cell("within", a, a, b)
        others = [index for key, index in groups.items() if key[0] != speaker and key[1] == phone]
        if len(others) > _MOST_OTHERS:
            others = [others[i] for i in np.sort(generator.choice(len(others), _MOST_OTHERS, replace=False))]
        for x in others:
            yield _Cell("across", np.array(x), a, b)


def _needed(context):
    """Return which pairs of tokens the tests of a context compare, (n, n) bool, each pair once."""
    needed = np.zeros((len(context.tokens), len(context.tokens)), bool)
    for cell in context.cells:
        needed[np.ix_(cell.x, np.concatenate([cell.a, cell.b]))] = True
    return np.triu(needed | needed.T, 1)


def _errors(tokens, cell, distances):
    """Return [(phone of A, phone of B, speaker, error)] of one test, for each phone of B."""
    to_a, to_b = distances[np.ix_(cell.x, cell.a)], distances[np.ix_(cell.x, cell.b)]
    if cell.kind == "within":  # a token is not compared with itself: NaN is neither closer nor farther
        np.fill_diagonal(to_a, np.nan)
    wrong = np.zeros(len(cell.b))
    block = max(1, CELLS // (len(cell.a) * len(cell.b)))
    for low in range(0, len(cell.x), block):
        a, b = to_a[low : low + block, :, None], to_b[low : low + block, None, :]
        wrong += (a > b).sum(axis=(0, 1)) + 0.5 * (a == b).sum(axis=(0, 1))
    phones, starts, counts = np.unique(tokens.phone[cell.b], return_index=True, return_counts=True)
    triples = len(cell.x) * (len(cell.a) - (cell.kind == "within")) * counts
    errors = np.add.reduceat(wrong, starts) / triples
    a, speaker = tokens.phone[cell.a[0]], tokens.speaker[cell.a[0]]
    return [(a, b, speaker, error) for b, error in zip(phones.tolist(), errors.tolist(), strict=True)]


def _average(rows, seed):
    """Return the interval of the mean over pairs of phones of means over speakers of means over contexts."""
    pairs, errors = _means(rows[:, :3], rows[:, 3])
    pairs, errors = _means(pairs[:, :2], errors)
    phones, index = np.unique(pairs, return_inverse=True)
    a, b = index.reshape(pairs.shape).T

    def mean(weights):
        drawn = weights[a] * weights[b]
        return {"abx": float(drawn @ errors / drawn.sum())} if drawn.any() else {}

    return pooled(mean, len(phones), seed)["abx"]


def _means(keys, values):
    """Return the different keys, rows of a matrix, and the mean value of each."""
    keys, index = np.unique(keys, axis=0, return_inverse=True)
    index = index.ravel()
    return keys, np.bincount(index, values) / np.bincount(index)
