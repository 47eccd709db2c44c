"""Alignments: which phone is spoken when, read from the formats that linguists and recognizers write.

An alignment is (id, phones): phones a list of [start, end, label] in seconds, in order of time. A format with
no name inside gives the stem of its file as id.
"""

import itertools
import math
import os

from units.alignments.elan import read_eaf
from units.alignments.frames import cut
from units.alignments.labels import read_audacity, read_ctm, read_lab, read_phn
from units.alignments.textgrid import read_textgrid
from units.alignments.tiers import choose_tier
from units.records import InputError, optional, require
from units.streams import read_records

_ONE_FILE_ONE_RECORDING = {".phn": read_phn, ".lab": read_lab}
_TIERS = {".textgrid": read_textgrid, ".eaf": read_eaf}
LABEL_FILES = (".TextGrid", ".eaf", ".ctm", ".txt", ".lab", ".phn")
OVERLAP = 0.02  # s that two phones may both claim; more is no alignment, and would give figures of nothing


def read(path, tier=None):
    """Return the alignments in a file, [(id, phones)], its format told by its suffix.

    path: a TextGrid, CTM, TIMIT .phn, Festival .lab or ELAN .eaf file; anything else is read as JSON Lines
    of records with `id` and `phones`, '-' from standard input. tier: name of the tier that holds the phones,
    where a format has tiers. Raises InputError naming the file and line at fault; but where only one of many
    alignments in a file is at fault, the error stands in place of its phones, for it may not be needed.
    """
    stem, suffix = os.path.splitext(os.path.basename(path))
    suffix = suffix.lower()
    if suffix == ".ctm":
        alignments = read_ctm(path)
    elif suffix in _ONE_FILE_ONE_RECORDING:
        alignments = [(stem, _ONE_FILE_ONE_RECORDING[suffix](path))]
    elif suffix in _TIERS:
        alignments = [(stem, choose_tier(_TIERS[suffix](path), tier, path))]
    else:
        return [_read_record(record) for record in read_records([path])]
    return [(name, _attempt(_ordered, phones, f"{path}: {name}")) for name, phones in alignments]


def read_tiers(path):
    """Return all labels in a file, [(id, {tier: [[start, end, label], ...]}), ...].

    path: a file of LABEL_FILES, whose suffix tells the format; .txt is an Audacity label track. A format with
    no tiers has one, `labels`. Intervals of a TextGrid with no label, which fill what is empty, are left out.
    """
    stem, suffix = os.path.splitext(os.path.basename(path))
    suffix = suffix.lower()
    if suffix == ".ctm":
        return [(name, {"labels": labels}) for name, labels in read_ctm(path)]
    if suffix in _TIERS:
        tiers = _TIERS[suffix](path)
        if suffix == ".textgrid":
            tiers = {name: [span for span in spans if span[2]] for name, spans in tiers.items()}
        return [(stem, tiers)]
    if suffix not in map(str.lower, LABEL_FILES):
        raise InputError(f"{path}: its name ends in none of {' '.join(LABEL_FILES)}")
    return [(stem, {"labels": {**_ONE_FILE_ONE_RECORDING, ".txt": read_audacity}[suffix](path)})]


def read_all(paths, tier=None):
    """Return {id: phones, or the InputError in their place} of all the files, as `read` does.

    Raises InputError where an id comes twice.
    """
    alignments = {}
    for path in paths:
        for name, phones in read(path, tier):
            if name in alignments:
                raise InputError(f"{path}: a second alignment of {name!r}")
            alignments[name] = phones
    return alignments


def find(record, alignments):
    """Return the phones of a record of units, on its own time line.

    alignments: {id: phones or InputError}. An alignment of the record's id is taken as it is. One of its
    recording, the stem of audio_filepath, is cut to where the record stands in it, offset to offset +
    duration. Raises InputError where there is neither, or the one there is is at fault.
    """
    name = require(record, "id")
    if name in alignments:
        return _sound(alignments[name])
    recording = optional(record, "audio_filepath", "")
    stem = os.path.splitext(os.path.basename(recording))[0]
    if stem not in alignments:
        raise InputError(f"no alignment of {name!r}" + (f" or {stem!r}" if stem and stem != name else ""))
    start = optional(record, "offset", 0.0)
    end = start + optional(record, "duration", math.inf)
    return cut(_sound(alignments[stem]), start, end)


def _sound(phones):
    if isinstance(phones, InputError):
        raise phones
    return phones


def _read_record(record):
    try:
        name = require(record, "id")
    except InputError as error:
        raise InputError(f"{record.place}: {error}") from None
    return name, _attempt(lambda record: _ordered(require(record, "phones")), record, record.place)


def _attempt(function, value, place):
    """Return what the function makes of the value, or its InputError with the place before it."""
    try:
        return function(value)
    except InputError as error:
        return InputError(f"{place}: {error}")


def _ordered(phones):
    """Return the phones in order of time; raise InputError where two overlap by more than a frame."""
    phones = sorted(phones, key=lambda phone: phone[:2])
    for before, after in itertools.pairwise(phones):
        if before[1] - after[0] > OVERLAP:
            raise InputError(f"phones {before[2]!r} and {after[2]!r} overlap at {after[0]:.3f} s")
    return phones
