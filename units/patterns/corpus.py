"""A corpus as patterns are found in it: recordings as runs of units, with times."""

from dataclasses import dataclass, field

import numpy as np

from units.codebook.runs import run_edges, runs_of
from units.records import optional, require

KEPT = ("id", "audio_filepath", "offset", "channel", "frame_shift", "speaker")


@dataclass(frozen=True)
class Recording:
    """The runs of one record.

    units: (R,) int, one per run; edges: (R + 1,) float, the edges of runs, in s
    from the start of the audio file; end: the end of the record's segment, s; counts: (R,) int, frames per
    run; fields: the fields KEPT of the record.
    """

    units: np.ndarray
    edges: np.ndarray
    id: str | None = None
    audio_filepath: str | None = None
    speaker: str | None = None
    end: float = 0.0
    channel: int | None = None
    counts: np.ndarray | None = None
    fields: dict = field(default_factory=dict)


def read_recording(record, keep_frames=False):
    """Return the Recording of a record that has units.

    keep_frames: take every frame as a run. Raises InputError if a field is missing or not valid.

    >>> read_recording({"id": "a", "offset": 1.0, "units": [7, 7, 9]}).edges
    array([1.  , 1.04, 1.06])
    """
    return of_runs(record, *runs_of(record, keep_frames))


def of_runs(record, units, counts):
    """Return the Recording of a record whose runs are known: their units and frames, (R,) each."""
    edges, end = run_edges(record, counts)
    names = [optional(record, name) for name in ("id", "audio_filepath", "speaker")]
    kept = {name: require(record, name) for name in KEPT if name in record}
    return Recording(np.asarray(units), edges, *names, end, optional(record, "channel"), counts, kept)
