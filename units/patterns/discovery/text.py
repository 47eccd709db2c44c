"""The runs of a corpus as one text. Separators keep alignments from crossing recordings and pauses."""

from dataclasses import dataclass

import numpy as np

MOST_UNITS = 10_000


@dataclass(frozen=True)
class Text:
    """The runs of recordings, with two separators before the first, after each, and in place of pauses.

    units: (T,) uint16, `separator` between recordings; recording: (T,) int32, which one, -1 for a separator;
    begins, ends: (T,) float64, s in the recording's file.
    """

    units: np.ndarray
    recording: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    separator: int

    def durations(self, starts, stops):
        """Return the durations of the runs [start, stop), s."""
        return self.ends[stops - 1] - self.begins[starts]


def join_recordings(recordings, pauses, size):
    """Return the Text of Recordings without the runs to leave out, which are mostly pauses.

    pauses: for each recording (R,) bool, the runs to leave out. size: number of units.
    """
    parts = [_separators(size)]
    for number, (recording, pause) in enumerate(zip(recordings, pauses, strict=True)):
        spoken = np.flatnonzero(~pause)
        if not len(spoken):
            continue
        for run in np.split(spoken, np.flatnonzero(np.diff(spoken) > 1) + 1):
            edges = recording.edges
            parts.append((recording.units[run], np.full(len(run), number), edges[run], edges[run + 1]))
            parts.append(_separators(size))
    units, number, begins, ends = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Text(units.astype(np.uint16), number.astype(np.int32), begins, ends, size)


def _separators(size):
    # two, because an alignment can skip one run at a time
    return np.full(2, size), np.full(2, -1), np.zeros(2), np.zeros(2)
