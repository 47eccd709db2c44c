"""Which pieces of units recur, where, and how much more often than their parts let expect."""

import itertools
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording in units and in pieces.

    units: (R,) int, one a run; edges: (R + 1,) float, where each run begins and the last ends, s from the
    beginning of the recording; pieces: (P,) int, of the same units; end: where the segment ends, s.
    """

    id: str | None
    audio_filepath: str | None
    speaker: str | None
    units: np.ndarray
    edges: np.ndarray
    pieces: np.ndarray
    end: float


@dataclass(frozen=True)
class Motif:
    """A piece that recurs: its units, and where it occurs, in the order of the segments.

    where: (C,) int, the segments' indices; starts, ends: (C,) float, s in the recording; llr: that of
    `association`.
    """

    piece: int
    units: list
    where: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    llr: float


RANKINGS = {
    "llr": lambda motif: (-motif.llr, -len(motif.where), motif.piece),
    "count": lambda motif: (-len(motif.where), -motif.llr, motif.piece),
}


def find(segments, model, min_count=2, ranking="llr"):
    """Return the Motifs: pieces of two or more units that occur at least min_count times, best first.

    segments: list of Segment; model: units.bpe.Model; ranking: one of RANKINGS.
    """
    pieces, where, starts, ends = _occurrences(segments, model)
    counts = np.bincount(pieces, minlength=len(model.lengths))
    kept = np.flatnonzero((model.lengths > 1) & (counts >= min_count)).tolist()
    strings = [model.units_of(piece) for piece in kept]
    order = np.argsort(pieces, kind="stable")
    firsts = np.searchsorted(pieces[order], kept)
    motifs = []
    scores = association(strings, [segment.units for segment in segments])
    for piece, units, first, score in zip(kept, strings, firsts, scores, strict=True):
        at = order[first : first + counts[piece]]
        motifs.append(Motif(piece, units, where[at], starts[at], ends[at], score))
    return sorted(motifs, key=RANKINGS[ranking])


def _occurrences(segments, model):
    """Return for every piece of every segment: piece, segment index, start and end in s, each (P,)."""
    pieces, where = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    starts, ends = [np.empty(0)], [np.empty(0)]
    for index, segment in enumerate(segments):
        lengths = model.lengths[segment.pieces]
        after = np.cumsum(lengths)
        pieces.append(segment.pieces)
        where.append(np.full(len(lengths), index))
        starts.append(segment.edges[after - lengths])
        ends.append(segment.edges[after])
    return tuple(map(np.concatenate, (pieces, where, starts, ends)))


def describe(motif, segments):
    """Return a motif as the fields of a record; durations in s, its occurrences as [id, file, start, end]."""
    durations = motif.ends - motif.starts
    there = [segments[i] for i in motif.where.tolist()]
    starts, ends = motif.starts.round(6).tolist(), motif.ends.round(6).tolist()
    return {
        "motif": motif.piece,
        "units": motif.units,
        "count": len(there),
        "recordings": len({s.audio_filepath or s.id for s in there}),
        "speakers": len({s.speaker for s in there} - {None}),
        "mean_duration": round(float(durations.mean()), 6),
        "sd_duration": round(float(durations.std()), 6),
        "llr": round(motif.llr, 3),
        "occurrences": [
            [s.id, s.audio_filepath, start, end] for s, start, end in zip(there, starts, ends, strict=True)
        ],
    }


def choose(motif, segments, number):
    """Return the indices of the occurrences to listen to, best first: at most `number`.

    Speakers take turns, and so do the recordings of one speaker; among those the one nearest the median
    duration comes first.
    """
    durations = motif.ends - motif.starts
    there = [segments[i] for i in motif.where.tolist()]
    order = np.argsort(np.abs(durations - np.median(durations)), kind="stable").tolist()
    order = _in_turn(order, [s.audio_filepath or s.id for s in there])
    return _in_turn(order, [s.speaker for s in there])[:number]


def _in_turn(order, groups):
    """Return the indices with the first of each group first, then the second of each: the order kept else."""
    seen = {}
    turn = {i: seen.setdefault(groups[i], itertools.count()).__next__() for i in order}
    return sorted(order, key=turn.get)


def association(strings, sequences):
    """Return for each string of units how much more often it occurs than its parts predict: a list of float.

    strings: lists of two or more units; sequences: arrays of units. The measure is Dunning's log-likelihood
    ratio of a string's two parts following each other against their being independent, for the division into
    two that explains it best (the least ratio), negative where the string is rarer than predicted.
    Dunning 1993, https://aclanthology.org/J93-1003.

    >>> [round(x, 2) for x in association([[1, 2], [4, 2]], [np.array([1, 2, 3, 1, 2, 3, 4, 2, 5])])]
    [5.72, 2.46]
    """
    strings = [tuple(s) for s in strings]
    parts = {p for s in strings for i in range(1, len(s)) for p in (s[:i], s[i:])}
    counts = count_strings(parts.union(strings), sequences)
    total = sum(len(s) for s in sequences)
    return [
        min(_llr(counts[s], counts[s[:i]], counts[s[i:]], total) for i in range(1, len(s))) for s in strings
    ]


def _llr(both, left, right, total):
    observed = (both, left - both, right - both, total - left - right + both)
    rows, columns = (left, left, total - left, total - left), (right, total - right) * 2
    ratio = 0.0
    for cell, row, column in zip(observed, rows, columns, strict=True):
        if cell > 0:
            ratio += 2 * cell * np.log(cell * total / (row * column))
    return float(ratio if both * total >= left * right else -ratio)


def count_strings(strings, sequences):
    """Return how often each string occurs in the sequences, overlaps counted: {tuple of units: int}.

    All strings are followed at once, from every position, through a trie where they share beginnings.
    """
    base = 1 + max(itertools.chain([0], *strings))
    nodes = {}
    ends = {s: _insert(nodes, s, base) for s in strings}
    edges = np.array(sorted(nodes), np.int64)
    targets = np.array([nodes[e] for e in edges.tolist()], np.int64)
    counts = np.zeros(len(nodes) + 1, np.int64)
    for sequence in _joined(sequences, base):
        _walk(sequence, edges, targets, base, counts)
    return {s: int(counts[node]) for s, node in ends.items()}


def _insert(nodes, string, base):
    """Add a string to the trie, {node * base + unit: next node} with the root 0; return its last node."""
    node = 0
    for unit in string:
        node = nodes.setdefault(node * base + unit, len(nodes) + 1)
    return node


def _joined(sequences, base, size=1 << 20):
    """Yield the sequences joined to some `size` units, -1 after each; units that no string has become -1."""
    held, length = [], 0
    for sequence in sequences:
        held += [np.where(sequence < base, sequence, -1), [-1]]
        length += len(sequence) + 1
        if length > size:
            yield np.concatenate(held)
            held, length = [], 0
    if held:
        yield np.concatenate(held)


def _walk(units, edges, targets, base, counts):
    """Add to counts how many positions of units reach each node of the trie."""
    nodes, positions = np.zeros(len(units), np.int64), np.arange(len(units))
    while len(positions) and len(edges):
        unit = units[positions]
        keys = np.where(unit >= 0, nodes * base + unit, -1)
        found = np.minimum(np.searchsorted(edges, keys), len(edges) - 1)
        alive = edges[found] == keys
        nodes, positions = targets[found[alive]], positions[alive] + 1
        counts += np.bincount(nodes, minlength=len(counts))
