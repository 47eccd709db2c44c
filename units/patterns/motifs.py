"""Which pieces of units recur, where, and how much more often than their parts let expect."""

import itertools
from dataclasses import dataclass

import numpy as np

from units.patterns.moments import owned, recording_of


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
    channel: int | None = None


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

    segments: list of Segment; model: bpe.Model; ranking: one of RANKINGS. A moment that several
    segments have counts once, see units.patterns.moments: as an occurrence, and in what is expected.
    """
    own = owned(segments)
    pieces, where, starts, ends = _occurrences(segments, own, model)
    counts = np.bincount(pieces, minlength=len(model.lengths))
    kept = np.flatnonzero((model.lengths > 1) & (counts >= min_count)).tolist()
    strings = [model.units_of(piece) for piece in kept]
    order = np.argsort(pieces, kind="stable")
    firsts = np.searchsorted(pieces[order], kept)
    motifs = []
    scores = association(strings, counts[kept], _own_sequences(segments, own))
    for piece, units, first, score in zip(kept, strings, firsts, scores, strict=True):
        at = order[first : first + counts[piece]]
        motifs.append(Motif(piece, units, where[at], starts[at], ends[at], float(score)))
    return sorted(motifs, key=RANKINGS[ranking])


def _own_sequences(segments, own):
    """Return the units of segments, in parts where moments are not their own."""
    parts = []
    for segment, mine in zip(segments, own, strict=True):
        runs = np.flatnonzero(mine)
        parts += [segment.units[part] for part in np.split(runs, np.flatnonzero(np.diff(runs) > 1) + 1)]
    return parts


def _occurrences(segments, own, model):
    """Return for the pieces of all segments: piece, segment index, start and end in s, each (P,).

    own: (R,) bool of each segment; pieces less than half of which is its own are left out.
    """
    pieces, where = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    starts, ends = [np.empty(0)], [np.empty(0)]
    for index, (segment, mine) in enumerate(zip(segments, own, strict=True)):
        lengths = model.lengths[segment.pieces]
        after = np.cumsum(lengths)
        first, last = segment.edges[after - lengths], segment.edges[after]
        times = np.concatenate([[0], np.cumsum(np.where(mine, np.diff(segment.edges), 0))])
        kept = 2 * (times[after] - times[after - lengths]) >= last - first - 1e-9
        pieces.append(segment.pieces[kept])
        where.append(np.full(np.count_nonzero(kept), index))
        starts.append(first[kept])
        ends.append(last[kept])
    return tuple(map(np.concatenate, (pieces, where, starts, ends)))


def describe(motif, segments):
    """Return a motif as the fields of a record; durations in s, its occurrences objects."""
    return {"motif": motif.piece, **facts(motif, segments, llr=motif.llr)}


def facts(found, recordings, **score):
    """Return what is told of a Motif, or of a Term of discovery, and its score, as fields of a record.

    recordings: what `found.where` counts, each with id, audio_filepath, channel and speaker.
    """
    durations = found.ends - found.starts
    there = [recordings[i] for i in found.where.tolist()]
    starts, ends = found.starts.round(6).tolist(), found.ends.round(6).tolist()
    return {
        "units": found.units,
        "count": len(there),
        "recordings": len({recording_of(r.audio_filepath, r.id) for r in there}),
        "speakers": len({r.speaker for r in there} - {None}),
        "mean_duration": round(float(durations.mean()), 6),
        "sd_duration": round(float(durations.std()), 6),
        **{name: round(value, 3) for name, value in score.items()},
        "occurrences": [place(r, start, end) for r, start, end in zip(there, starts, ends, strict=True)],
    }


def place(recording, start, end):
    """Return where something is in a recording, from start to end (s), as an object of `occurrences`."""
    names = {name: getattr(recording, name) for name in ("id", "audio_filepath", "channel")}
    known = {name: value for name, value in names.items() if value is not None}
    return {**known, "start": start, "end": end}


def choose(motif, segments, number):
    """Return the indices of the occurrences to listen to, best first: at most `number`.

    Speakers take turns, and so do the recordings of one speaker; among those the one nearest the median
    duration comes first.
    """
    durations = motif.ends - motif.starts
    there = [segments[i] for i in motif.where.tolist()]
    order = np.argsort(np.abs(durations - np.median(durations)), kind="stable").tolist()
    order = _in_turn(order, [recording_of(s.audio_filepath, s.id) for s in there])
    return _in_turn(order, [s.speaker for s in there])[:number]


def _in_turn(order, groups):
    """Return the indices with the first of each group first, then the second of each: the order kept else."""
    seen = {}
    turn = {i: seen.setdefault(groups[i], itertools.count()).__next__() for i in order}
    return sorted(order, key=turn.get)


def association(strings, counts, sequences):
    """Return for each string how much more often it occurs than its pairs of units predict: (S,) float.

    strings: lists of two or more units, all found in the sequences; counts: (S,) how often each occurs, as a
    piece; sequences: arrays of units. The measure is the log-likelihood ratio of a Poisson count against the
    count expected of a Markov chain, where each unit depends on the one before it: what articulation and
    phonotactics make frequent is no motif. It is negative for what occurs less often than that. Prum,
    Rodolphe & de Turckheim 1995, Journal of the Royal Statistical Society B 57. On speech with known phones,
    predictions from single units, or from the best division into two parts, ranked sounds of 50 ms first.

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
