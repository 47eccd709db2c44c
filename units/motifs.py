"""Which pieces of units recur, where, and how much more often than their parts let expect."""

import collections
import functools
import itertools

import numpy as np

Segment = collections.namedtuple("Segment", "id audio_filepath speaker units edges pieces")
Segment.__doc__ = """A record whose units are in pieces.

units: (R,) int, the runs; edges: (R + 1,) float, where each run begins and the last ends, s in the recording;
pieces: (P,) int. audio_filepath and speaker are None where not known.
"""


def find(segments, model, min_count=2):
    """Return the motifs: pieces of two or more units that occur at least min_count times, best first.

    segments: list of Segment; model: units.bpe.Model. Each motif is a dict of motif (piece), units,
    count, recordings, speakers, mean_duration and sd_duration (s), llr (see `association`) and occurrences,
    a list of (segment, start, end) in the order of the segments. Best is the highest llr, of equals the
    most frequent.
    """
    pieces, where, starts, ends = _occurrences(segments, model)
    count = np.bincount(pieces, minlength=len(model.lengths))
    kept = np.flatnonzero((model.lengths > 1) & (count >= min_count))
    scores = association([model.units_of(p) for p in kept], [s.units for s in segments])
    order = np.argsort(pieces, kind="stable")
    first = np.searchsorted(pieces[order], kept)
    motifs = []
    for piece, score, begin in zip(kept.tolist(), scores, first, strict=True):
        at = order[begin : begin + count[piece]]
        found = [
            (segments[w], s, e)
            for w, s, e in zip(where[at], starts[at].tolist(), ends[at].tolist(), strict=True)
        ]
        motifs.append({"motif": piece, "units": model.units_of(piece), **_describe(found, score)})
    return sorted(motifs, key=lambda m: (-m["llr"], -m["count"], m["motif"]))


def _occurrences(segments, model):
    """Return for every piece of every segment: piece, segment index, start and end in s, each (P,)."""
    pieces = [s.pieces for s in segments]
    starts, ends = [], []
    for segment in segments:
        after = np.cumsum(model.lengths[segment.pieces])
        starts.append(segment.edges[after - model.lengths[segment.pieces]])
        ends.append(segment.edges[after])
    where = np.repeat(np.arange(len(segments)), [len(p) for p in pieces])
    join = functools.partial(np.concatenate, dtype=np.float64)
    return (
        np.concatenate([np.empty(0, np.int64), *pieces]),
        where,
        join([np.empty(0), *starts]),
        join([np.empty(0), *ends]),
    )


def _describe(found, score):
    durations = np.array([end - start for _, start, end in found])
    return {
        "count": len(found),
        "recordings": len({s.audio_filepath or s.id for s, _, _ in found}),
        "speakers": len({s.speaker for s, _, _ in found} - {None}),
        "mean_duration": float(durations.mean()),
        "sd_duration": float(durations.std()),
        "llr": score,
        "occurrences": found,
    }


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
        held += [np.where(np.asarray(sequence) < base, sequence, -1), [-1]]
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
