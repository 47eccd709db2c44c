"""The units of a record and its phones, on one time line."""

from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.labels.frames import FIELD, centres, cut, phone_at
from units.metrics.names import SILENCE
from units.records import frame_units, optional, require


@dataclass(frozen=True)
class Aligned:
    """A record of units with its phones.

    units: (N,) int64, one per frame; spans: [[start, end, label], ...] of speech, in s; span: (N,) int64, the
    index in spans of the phone at the centre of each frame, -1 for silence and frames without a label.
    """

    id: str
    speaker: str
    frame_shift: float
    units: np.ndarray
    spans: list
    span: np.ndarray


def align(record, phones, silence=SILENCE):
    """Return the Aligned units of a record.

    phones: [[start, end, label], ...] in order, on the record's own time line. Only the time that both phones
    and units cover counts. silence: labels that are not phones, in addition to the empty label.

    >>> align({"id": "a", "units": [5, 5, 9]}, [[0.0, 0.02, "SIL"], [0.02, 0.1, "o"]]).span
    array([-1,  0,  0])
    """
    name = require(record, "id")
    frame_shift = optional(record, "frame_shift", FRAME_SHIFT)
    units = frame_units(record)
    end = (len(units) - 1) * frame_shift + FIELD if units else 0.0
    spans = [span for span in cut(phones, 0.0, end) if span[2] and span[2] not in silence]
    span = phone_at(spans, centres(len(units), frame_shift))
    speaker = optional(record, "speaker", "")
    return Aligned(name, speaker, frame_shift, np.array(units, np.int64), spans, span)


def label_index(records):
    """Return {label: index} of all phones of the records, in order of their labels."""
    labels = sorted({label for record in records for _, _, label in record.spans})
    return {label: index for index, label in enumerate(labels)}
