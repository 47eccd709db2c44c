"""Examples for a page: which recordings, their audio, units and phones."""

import io
from dataclasses import dataclass, field

import numpy as np

from units.audio.reading import load_audio
from units.audio.timing import FRAME_SHIFT
from units.audio.writing import save
from units.codebook.runs import frame_edges, run_lengths
from units.labels.frames import FIELD
from units.records import frame_units, optional, require

MOST_SECONDS = 20.0  # of a recording in a page, to limit its size


@dataclass(frozen=True)
class Example:
    """A pair to listen to: (S,) and (T,) float32 at 16 kHz, and [(start, end, label)] in s."""

    id: str
    rank: str
    figures: dict
    original: np.ndarray
    resynthesis: np.ndarray
    whole_seconds: float
    units: list = field(default_factory=list)
    phones: list = field(default_factory=list)


def choose(values, count, better):
    """Return [(index, rank)] of `count` records from the best to the worst, evenly spaced by rank.

    values: one figure per record, or None; better: 1 if higher is better, -1 if lower is.

    >>> choose([5.0, 9.0, 7.0, None], 3, -1)
    [(0, 'best'), (2, 'median'), (1, 'worst')]
    """
    known = [index for index, value in enumerate(values) if value is not None]
    order = sorted(known, key=lambda index: -better * values[index])
    count = min(count, len(order))
    places = np.linspace(0, 1, count) if count > 1 else np.full(count, 0.5)
    return [(order[round(place * (len(order) - 1))], _rank(place)) for place in places]


def _rank(place):
    return {0.0: "best", 0.5: "median", 1.0: "worst"}.get(place, f"{place:.0%} from the best")


def load_example(record, reference, rank, figures):
    """Return the Example of a resynthesised record and the record of its recording."""
    original, resynthesis = beginning(reference), beginning(record)
    whole = max(require(each, "duration") if "duration" in each else 0.0 for each in (record, reference))
    labelled = record if "phones" in record else reference
    phones = require(labelled, "phones") if "phones" in labelled else []
    spans = unit_spans(record if "units" in record else reference)
    return Example(record["id"], rank, figures, original, resynthesis, whole, spans, phones)


def beginning(record):
    """Return the first MOST_SECONDS of a record's audio, (S,) float32 at 16 kHz."""
    path = require(record, "audio_filepath")
    offset, channel = optional(record, "offset", 0.0), optional(record, "channel")
    if "duration" in record:
        return load_audio(path, offset, min(require(record, "duration"), MOST_SECONDS), channel)
    return load_audio(path, offset, MOST_SECONDS, channel, shorter=True)


def unit_spans(record):
    """Return the runs of a record's units, [(start, end, unit)] in s, each frame about its centre.

    >>> unit_spans({"units": [5, 5, 9]})
    [(0.0025, 0.0425, 5), (0.0425, 0.0625, 9)]
    """
    if "units" not in record:
        return []
    shift = optional(record, "frame_shift", FRAME_SHIFT)
    units = np.array(frame_units(record)[: round(MOST_SECONDS / shift)], np.int64)
    runs, counts = run_lengths(units)
    start = (FIELD - shift) / 2
    times = [round(start + shift * edge, 6) for edge in frame_edges(counts).tolist()]
    return list(zip(times, times[1:], runs.tolist(), strict=False))


def flac(samples):
    """Return the samples as a FLAC file, which is half the size of WAV and plays in every browser."""
    file = io.BytesIO()
    save(file, samples, "FLAC")
    return file.getvalue()
