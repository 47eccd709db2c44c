"""The runs of a corpus as one text, in which no alignment can cross from one recording, or over a pause."""

from dataclasses import dataclass

import numpy as np

MOST_UNITS = 10_000


@dataclass(frozen=True)
class Recording:
    """The runs of a recording.

    units: (R,) int; edges: (R + 1,) float, where each begins and the last ends, s in the file; end: where the
    recording does, s.
    """

    units: np.ndarray
    edges: np.ndarray
    id: str | None = None
    audio_filepath: str | None = None
    speaker: str | None = None
    end: float = 0.0
    channel: int | None = None


@dataclass(frozen=True)
class Text:
    """The runs of recordings, two separators after each, before the first, and where pauses were.

    units: (T,) uint16, `separator` between recordings; recording: (T,) int32, which one, -1 for a separator;
    begins, ends: (T,) float64, s in the recording's file.
    """

    units: np.ndarray
    recording: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    separator: int

    def durations(self, starts, stops):
        """Return how long the runs [start, stop) last, s."""
        return self.ends[stops - 1] - self.begins[starts]


def join(recordings, pauses, size):
    """Return the Text of Recordings without what is left out, their pauses mostly.

    pauses: for each recording (R,) bool, which of its runs are none of the text. size: number of units.
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
    # two, for an alignment skips one run at a time
    return np.full(2, size), np.full(2, -1), np.zeros(2), np.zeros(2)
