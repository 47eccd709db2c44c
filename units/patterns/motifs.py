"""Motifs: pieces of units that recur, and how much more often than their parts predict."""

from dataclasses import dataclass

import numpy as np

from units.patterns.moments import owned
from units.patterns.occurrences import describe_occurrences


@dataclass(frozen=True)
class Motif:
    """A piece that recurs: its units, and its occurrences in the order of the recordings.

    where: (C,) int, the recordings' indices; starts, ends: (C,) float, s in the audio file; llr: its
    `association`.
    """

    piece: int
    units: list
    where: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    llr: float


OFTEN, LONG = 5, 0.2  # times and mean s that make a motif likely to be a word worth listening to


def _words_first(motif):
    """Return the sort key of "words": frequent and long motifs first, by llr per occurrence."""
    count = len(motif.where)
    is_likely = count >= OFTEN and float((motif.ends - motif.starts).mean()) >= LONG - 1e-9
    return (not is_likely, -motif.llr / count, -count, motif.piece)


RANKINGS = {
    "words": _words_first,
    "llr": lambda motif: (-motif.llr, -len(motif.where), motif.piece),
    "count": lambda motif: (-len(motif.where), -motif.llr, motif.piece),
}


def find_motifs(recordings, pieces, model, min_count=2, ranking="words"):
    """Return the Motifs: pieces of two or more units that occur at least min_count times, best first.

    recordings: [Recording]; pieces: for each its (P,) pieces, of the same units; model: bpe.Model; ranking:
    one of RANKINGS. A moment that several recordings share counts once, see units.patterns.moments: as an
    occurrence, and in the expected counts.
    """
    own = owned(recordings)
    found, where, starts, ends = _occurrences(recordings, pieces, own, model)
    counts = np.bincount(found, minlength=len(model.lengths))
    kept = np.flatnonzero((model.lengths > 1) & (counts >= min_count)).tolist()
    strings = [model.units_of(piece) for piece in kept]
    order = np.argsort(found, kind="stable")
    firsts = np.searchsorted(found[order], kept)
    motifs = []
    scores = association(strings, counts[kept], _own_sequences(recordings, own))
    for piece, units, first, score in zip(kept, strings, firsts, scores, strict=True):
        at = order[first : first + counts[piece]]
        motifs.append(Motif(piece, units, where[at], starts[at], ends[at], float(score)))
    return sorted(motifs, key=RANKINGS[ranking])


def _own_sequences(recordings, own):
    """Return the units of recordings, without moments that belong to another one."""
    parts = []
    for recording, mine in zip(recordings, own, strict=True):
        runs = np.flatnonzero(mine)
        parts += [recording.units[part] for part in np.split(runs, np.flatnonzero(np.diff(runs) > 1) + 1)]
    return parts


def _occurrences(recordings, pieces, own, model):
    """Return for the pieces of all recordings: piece, recording index, start and end in s, each (P,).

    own: (R,) bool for each recording. Pieces are left out if less than half of them belongs to the recording.
    """
    found, where = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    starts, ends = [np.empty(0)], [np.empty(0)]
    for index, (recording, row, mine) in enumerate(zip(recordings, pieces, own, strict=True)):
        lengths = model.lengths[row]
        after = np.cumsum(lengths)
        first, last = recording.edges[after - lengths], recording.edges[after]
        times = np.concatenate([[0], np.cumsum(np.where(mine, np.diff(recording.edges), 0))])
        kept = 2 * (times[after] - times[after - lengths]) >= last - first - 1e-9
        found.append(row[kept])
        where.append(np.full(np.count_nonzero(kept), index))
        starts.append(first[kept])
        ends.append(last[kept])
    return tuple(map(np.concatenate, (found, where, starts, ends)))


def describe_motif(motif, recordings):
    """Return a motif as the fields of a record; durations in s, its occurrences objects."""
    return {"motif": motif.piece, **describe_occurrences(motif, recordings, llr=motif.llr)}


def association(strings, counts, sequences):
    """Return for each string how much more often it occurs than its pairs of units predict, (S,) float.

    strings: lists of two or more units, all found in the sequences; counts: (S,) how often each occurs as a
    piece; sequences: arrays of units. The measure is the log-likelihood ratio of a Poisson count against the
    count that a Markov chain predicts, in which each unit depends on the one before it: sequences that are
    frequent only because of articulation and phonotactics are not motifs. It is negative for strings that
    are rarer than predicted. Prum, Rodolphe & de Turckheim 1995, Journal of the Royal Statistical Society
    B 57. On speech with known phones, predictions from single units, or from the best division into two
    parts, ranked sounds of 50 ms first.

    >>> association([[1, 2, 3]], [5], [np.array([1, 2, 3, 4, 2, 5] * 5)]).round(2)
    array([1.93])
    """
    joined = np.concatenate([np.empty(0, np.int64), *(part for s in sequences for part in (s, [-1]))])
    base = joined.max(initial=0) + 1
    paired = (joined[:-1] >= 0) & (joined[1:] >= 0)
    firsts = joined[:-1][paired]
    pairs, frequency = np.unique(firsts * base + joined[1:][paired], return_counts=True)
    occurring = np.log(np.maximum(np.bincount(joined[joined >= 0], minlength=base), 1))
    followed = np.log(np.maximum(np.bincount(firsts, minlength=base), 1))
    expected = np.empty(len(strings))
    for i, string in enumerate(map(np.asarray, strings)):
        found = frequency[np.searchsorted(pairs, string[:-1] * base + string[1:])]
        expected[i] = occurring[string[0]] + (np.log(found) - followed[string[:-1]]).sum()
    return _poisson_ratio(np.asarray(counts, np.float64), np.exp(expected), expected)


def _poisson_ratio(observed, expected, log_expected):
    ratio = 2 * (observed * (np.log(observed) - log_expected) - (observed - expected))
    return np.where(observed >= expected, ratio, -ratio)
