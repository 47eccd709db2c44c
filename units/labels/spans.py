"""The labels in a record: from a start to an end, on a tier of their kind."""

from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.codebook.runs import frame_edges, runs_of
from units.records import InputError, frame_units, optional, require

# fields with many labels of a segment: the name of one label
LISTS = {"units": "unit", "pieces": "piece", "phones": "phone", "words": "word"}
# fields that label a complete record, or each of its occurrences, and their tiers; the first is used
LABELS = {one: many for many, one in LISTS.items()} | {
    "tag": "tags",
    "motif": "motifs",
    "term": "terms",
    "query": "queries",
    "label": "labels",
    "id": "segments",
}


@dataclass(frozen=True)
class Spans:
    """Labels of one kind in a recording.

    tier: their tier; key: the name of one label; id, audio_filepath: of the record; starts, ends: s in the
    recording; labels: text or numbers, one each; until: s, the end of the record; channel: its channel,
    counted from 0, if one was chosen.
    """

    tier: str
    key: str
    id: str | None
    audio_filepath: str | None
    starts: list
    ends: list
    labels: list
    until: float
    channel: int | None = None

    @property
    def recording(self):
        """The identity of the recording: its file, or its id if no file is known."""
        return self.id if self.audio_filepath is None else self.audio_filepath


def of_record(record, fields=(), model=None):
    """Return the Spans of a record.

    fields: the fields to show; without any, all of LISTS that a segment has, otherwise the first of LABELS. A
    field in LABELS, or an unknown one, labels the complete record or its occurrences. model: the bpe.Model of
    its pieces, which have no duration without it. Raises InputError if the record has none of them, or if
    they are not valid.

    >>> of_record({"id": "a", "offset": 1.0, "units": [7, 7, 9]})[0].ends
    [1.04, 1.06]
    """
    whole = "occurrences" in record or "start" in record
    if fields:
        shown = [name for name in fields if name in record and not (whole and name in LISTS)]
        if not shown:
            raise InputError("no " + " or ".join(f'"{name}"' for name in fields) + " to show")
    else:
        shown = [] if whole else [name for name in LISTS if name in record]
        shown = shown or [next((name for name in LABELS if name in record), "id")]
    return [
        spans
        for name in shown
        for spans in (_of_list(record, name, model) if name in LISTS else _of_whole(record, name))
    ]


def _of_list(record, name, model):
    identity = _identity(record)
    offset = optional(record, "offset", 0.0)
    starts, ends, labels = _placed(record, name, model)
    until = offset + require(record, "duration") if "duration" in record else 0.0
    starts, ends = ((offset + np.asarray(times, np.float64)).round(6).tolist() for times in (starts, ends))
    until, channel = max([until, *ends[-1:]]), optional(record, "channel")
    yield Spans(name, LISTS[name], *identity, starts, ends, labels, until, channel)


def _identity(record):
    """Return the id and the audio_filepath, one of them maybe None. Raises InputError if both are missing."""
    identity = [optional(record, name) for name in ("id", "audio_filepath")]
    if identity == [None, None]:
        require(record, "id")
    return identity


def _placed(record, name, model):
    """Return (starts, ends, labels) of a field, in s from the start of the segment."""
    if name in ("phones", "words"):
        spans = require(record, name)
        return tuple([span[i] for span in spans] for i in range(3))
    if name == "units":
        labels, lasting = (column.tolist() for column in runs_of(record))
    else:
        labels, lasting = require(record, name), _frames_of_pieces(record, model)
    shift = optional(record, "frame_shift", FRAME_SHIFT)
    edges = shift * frame_edges(lasting)
    return edges[:-1], edges[1:], labels


def _frames_of_pieces(record, model):
    """Return the number of frames of each piece of a record."""
    if model is None:
        raise InputError('"pieces" have no duration without their model; use -m')
    pieces, frames = require(record, "pieces"), len(frame_units(record))
    if model.decode(pieces).tolist() != record["units"]:
        raise InputError('the "pieces" come from another model: they do not give the record\'s "units"')
    edges = frame_edges(record.get("counts", [1] * frames))
    after = np.cumsum(model.lengths[pieces])
    return edges[after] - edges[after - model.lengths[pieces]]


def _of_whole(record, name):
    """Yield the Spans of a record that is one label, or one for each occurrence."""
    label = record.get(name)
    if type(label) not in (str, int, float):
        require(record, "id") if name == "id" else None
        raise InputError(f'"{name}" is not text or a number')
    tier = require(record, "tier") if name == "label" and "tier" in record else LABELS.get(name, name)
    for id_, path, start, end, channel in _places(record):
        if end < start:
            raise InputError(f'"end" {end} is before "start" {start}')
        yield Spans(tier, name, id_, path, [round(start, 6)], [round(end, 6)], [label], end, channel)


def _places(record):
    """Return [(id, audio_filepath, start, end, channel)] of the occurrences of a record, or of itself."""
    names = ("id", "audio_filepath", "start", "end")
    if "occurrences" in record:
        places = require(record, "occurrences")
        names += ("channel",)
        return [[p.get(n) for n in names] if isinstance(p, dict) else (*p, None) for p in places]
    identity = _identity(record)
    channel = optional(record, "channel")
    if "start" in record:
        return [(*identity, *require(record, "start", "end"), channel)]
    start = optional(record, "offset", 0.0)
    return [(*identity, start, start + require(record, "duration"), channel)]
