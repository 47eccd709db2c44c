"""The places where something recurs, a motif or a term: as fields of a record, and the best to listen to."""

import itertools

import numpy as np

from units.patterns.moments import recording_of


def describe_occurrences(found, recordings, **scores):
    """Return a Motif or Term as fields of a record.

    found: has `units`, and `where`, `starts`, `ends`, (C,) each: indices into the recordings, and times in s.
    recordings: [Recording]. scores: {name: number}, rounded to three digits.
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
        **{name: round(value, 3) for name, value in scores.items()},
        "occurrences": [_place(r, start, end) for r, start, end in zip(there, starts, ends, strict=True)],
    }


def _place(recording, start, end):
    """Return an object of `occurrences`: from start to end (s) in a recording."""
    names = {name: getattr(recording, name) for name in ("id", "audio_filepath", "channel")}
    known = {name: value for name, value in names.items() if value is not None}
    return {**known, "start": start, "end": end}


def choose_examples(found, recordings, number):
    """Return the indices of the occurrences to listen to, best first: at most `number`.

    Speakers take turns, and so do the recordings of one speaker. Within these, the occurrence nearest the
    median duration comes first.
    """
    durations = found.ends - found.starts
    there = [recordings[i] for i in found.where.tolist()]
    order = np.argsort(np.abs(durations - np.median(durations)), kind="stable").tolist()
    order = _in_turn(order, [recording_of(r.audio_filepath, r.id) for r in there])
    return _in_turn(order, [r.speaker for r in there])[:number]


def _in_turn(order, groups):
    """Return the indices with the first of each group first, then the second of each, and so on."""
    seen = {}
    turn = {i: seen.setdefault(groups[i], itertools.count()).__next__() for i in order}
    return sorted(order, key=turn.get)
