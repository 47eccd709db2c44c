"""Labels given with the data, one per frame: the units of another encoder, or phones."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.files.streams import raise_fault, read_records
from units.labels.alignments import alignments_of, read_alignments
from units.labels.frames import centres, phone_at
from units.labels.matching import phones_of
from units.labels.names import Named
from units.labels.tiers import LABEL_FILES
from units.records import InputError, frame_units, optional, require


@dataclass(frozen=True)
class FrameLabels:
    """names: the labels in order; units: Named lists of units per frame by id; phones: Named alignments."""

    names: list
    units: Named
    phones: Named

    @cached_property
    def _places(self):
        return {label: place for place, label in enumerate(self.names)}

    def of(self, record, frames):
        """Return the (frames,) int64 indices in `names` of a record's labels, -1 for a frame without one.

        Raises InputError if the record has no labels, or units that do not fit its length.
        """
        name = require(record, "id")
        key = self.units.key(name)
        if key is not None:
            found = self.units[key]
            if abs(len(found) - frames) > 1:
                raise InputError(f"{len(found)} units do not fit {frames} frames of audio")
            labels = found
        else:
            phones = phones_of(record, self.phones)
            index = phone_at(phones, centres(frames, FRAME_SHIFT))
            labels = [phones[i][2] if i >= 0 else None for i in index]
        wanted = np.full(frames, -1, np.int64)
        few = min(frames, len(labels))
        wanted[:few] = [self._places.get(label, -1) for label in labels[:few]]
        return wanted


def read_labels(paths, on_fault=raise_fault):
    """Return the FrameLabels in files: records with `units`, or alignments as `read_alignment_files` reads.

    Raises InputError if there are fewer than two labels, if some files have units and others have phones, or
    if an id occurs twice.
    """
    units, phones = Named(), Named()
    for path in paths:
        if path.lower().endswith(tuple(map(str.lower, LABEL_FILES))):
            for name, spans in read_alignments(path, on_fault=on_fault):
                _add(phones, name, spans, path)
            continue
        for record in read_records([path], on_fault):
            if "units" in record:
                _add(units, require(record, "id"), _units_of(record), path)
            else:
                for name, spans in alignments_of(record, on_fault):
                    _add(phones, name, spans, path)
    if units and phones:
        raise InputError(f"{', '.join(paths)}: some have units, others have phones; give labels of one kind")
    known = {unit for found in units.values() for unit in found}
    known |= {span[2] for found in phones.values() for span in _spans(found)}
    if len(known) < 2:
        raise InputError(f"{', '.join(paths)}: a network cannot learn from fewer than two different labels")
    return FrameLabels(sorted(known), units, phones)


def _add(labels, name, found, path):
    if name in labels:
        raise InputError(f"{path}: there are two records with the id {name!r}")
    labels[name] = found


def _units_of(record):
    shift = optional(record, "frame_shift", FRAME_SHIFT)
    if shift != FRAME_SHIFT:
        raise InputError(f"{record.place}: frame_shift is {shift} s; labels must be {FRAME_SHIFT} s apart")
    return frame_units(record)


def _spans(found):
    if isinstance(found, InputError):
        return []
    return [span for phones in found.values() for span in phones] if isinstance(found, dict) else found
