"""Runs: stretches of equal units, each kept as its unit and the number of frames it lasts."""

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.records import frame_units, optional, units_and_counts


def run_starts(units):
    """Return the index of the first frame of each run, (R,) int64.

    >>> run_starts([5, 5, 9])
    array([0, 2])
    """
    units = np.asarray(units)
    return np.flatnonzero(np.append(True, units[1:] != units[:-1])[: len(units)])


def run_lengths(units):
    """Return the runs of a sequence: (units, counts), each (R,) int64. The inverse of `expand`.

    >>> run_lengths([5, 5, 9])
    (array([5, 9]), array([2, 1]))
    """
    units = np.asarray(units, np.int64)
    starts = run_starts(units)
    return units[starts], np.diff(starts, append=len(units))


def expand(units, counts):
    """Return each unit repeated as often as its count says, (N,) int64.

    >>> expand([5, 9], [2, 1])
    array([5, 5, 9])
    """
    return np.repeat(np.asarray(units, np.int64), counts)


def runs_of(record, keep_frames=False):
    """Return the runs of a record, whether it holds frames or runs: units and counts, each (R,) int64.

    Successive runs of the same unit become one. keep_frames: count every frame as a run of length 1.
    Raises InputError if the record holds no units, or other counts than units.

    >>> runs_of({"units": [5, 5, 9], "counts": [2, 1, 4]})
    (array([5, 9]), array([3, 4]))
    """
    if keep_frames:
        units = np.array(frame_units(record), np.int64)
        return units, np.ones(len(units), np.int64)
    units, counts = units_and_counts(record)
    units = np.array(units, np.int64)
    if counts is None:
        return run_lengths(units)
    starts = run_starts(units)
    edges = frame_edges(counts)
    return units[starts], np.diff(edges[starts], append=edges[-1])


def frame_edges(counts):
    """Return the frame at which each run begins and the last one ends, (R + 1,) int64.

    >>> frame_edges([2, 1])
    array([0, 2, 3])
    """
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def run_edges(record, counts):
    """Return the times at which the runs of a record begin and the last one ends, and its segment's end.

    counts: (R,) int, frames per run. Returns (R + 1,) float64 and a float, in s from the start of the audio
    file. The segment's end is never earlier than its last run's.

    >>> run_edges({"offset": 1.0, "duration": 0.5}, [2, 1])
    (array([1.  , 1.04, 1.06]), 1.5)
    """
    offset, shift = optional(record, "offset", 0.0), optional(record, "frame_shift", FRAME_SHIFT)
    edges = offset + shift * frame_edges(counts)
    return edges, max(float(edges[-1]), offset + optional(record, "duration", 0.0))
