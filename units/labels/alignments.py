"""Alignments: the times of phones, read from the formats that linguists and recognizers write.

An alignment is (id, phones): phones is a list of [start, end, label] in seconds, in order of time. If a
format has no name inside, the id is the name of the file without suffix.
"""

import itertools
import os

from units.files.streams import raise_fault, read_records
from units.labels.ctm import read_ctm
from units.labels.elan import read_eaf
from units.labels.lines import read_audacity, read_lab, read_phn
from units.labels.names import Named
from units.labels.textgrid import read_textgrid
from units.labels.tiers import LABEL_FILES, Labels, choose_tier
from units.records import InputError, require

_ONE_FILE_ONE_RECORDING = {".phn": read_phn, ".lab": read_lab}
_TIERS = {".textgrid": read_textgrid, ".eaf": read_eaf}
OVERLAP = 0.02  # s by which two phones may overlap; with more, figures would mean nothing


class Channels(dict):
    """The phones of a recording by channel, 0 for the first, if a file names other channels than that."""


def read_alignments(path, tier=None, on_fault=raise_fault):
    """Return the alignments in a file, [(id, phones)]; its suffix gives the format.

    path: a TextGrid, CTM, TIMIT .phn, Festival .lab or ELAN .eaf file; anything else is read as JSON Lines of
    records with `id` and `phones`, '-' from standard input. tier: name of the tier that has the phones, in a
    format with tiers. on_fault gets the InputError of each label at fault. Raises InputError naming the file;
    but if only one of many alignments in a file is at fault, its error is returned in place of its phones,
    because it may not be needed. Phones of several channels are Channels.
    """
    stem, suffix = os.path.splitext(os.path.basename(path))
    suffix = suffix.lower()
    if suffix == ".ctm":
        return _of_ctm(path, on_fault)
    if suffix in _ONE_FILE_ONE_RECORDING:
        phones = _ONE_FILE_ONE_RECORDING[suffix](path, on_fault)
    elif suffix in _TIERS:
        phones = choose_tier(_TIERS[suffix](path, on_fault), tier, path)
    else:
        return [
            found for record in read_records([path], on_fault) for found in alignments_of(record, on_fault)
        ]
    return [(stem, _attempt(_ordered, phones, f"{path}: {stem}"))]


def _of_ctm(path, on_fault):
    found = {}  # {recording: {channel: phones}}
    for labels in read_ctm(path, on_fault):
        channels = found.setdefault(labels.id, {})
        channels.setdefault(labels.fields.get("channel"), []).extend(labels.tiers["labels"])
    for name, channels in found.items():
        for channel, phones in channels.items():
            channels[channel] = _attempt(_ordered, phones, f"{path}: {name}")
    return [(name, c[None] if None in c else Channels(c)) for name, c in found.items()]


def read_tiers(path, on_fault=raise_fault, origin=None):
    """Return all labels in a file, [Labels], one per recording, or per channel and speaker in it.

    path: a file of LABEL_FILES, whose suffix gives the format; .txt is an Audacity label track. A format
    without tiers has one, `labels`. Intervals of a TextGrid without label, which fill gaps, are left out.
    on_fault gets the InputError of each label at fault. origin: see `read_eaf`.
    """
    stem, suffix = os.path.splitext(os.path.basename(path))
    suffix = suffix.lower()
    if suffix == ".ctm":
        return read_ctm(path, on_fault)
    if suffix == ".eaf":
        return [Labels(stem, read_eaf(path, on_fault, origin), {})]
    if suffix == ".textgrid":
        tiers = read_textgrid(path, on_fault)
        return [Labels(stem, {name: list(filter(_is_labelled, spans)) for name, spans in tiers.items()}, {})]
    if suffix not in map(str.lower, LABEL_FILES):
        raise InputError(f"{path}: the name must end in one of {' '.join(LABEL_FILES)}")
    reader = {**_ONE_FILE_ONE_RECORDING, ".txt": read_audacity}[suffix]
    return [Labels(stem, {"labels": reader(path, on_fault)}, {})]


def _is_labelled(span):
    start, end, label = span
    return label != "" or start == end


def read_alignment_files(paths, tier=None, on_fault=raise_fault):
    """Return the Named phones of all files, or InputErrors in their place, as `read_alignments` does.

    Raises InputError if an id occurs twice.
    """
    alignments = Named()
    for path in paths:
        for name, phones in read_alignments(path, tier, on_fault):
            if name in alignments:
                raise InputError(f"{path}: there are two alignments of {name!r}")
            alignments[name] = phones
    return alignments


def alignments_of(record, on_fault=raise_fault):
    """Return [(id, phones)] of a record with `id` and `phones`, as `read_alignments` does for a file."""
    try:
        name = require(record, "id")
    except InputError as error:
        on_fault(InputError(f"{record.place}: {error}"))
        return []
    return [(name, _attempt(lambda record: _ordered(require(record, "phones")), record, record.place))]


def _attempt(function, value, place):
    """Return what the function makes of the value, or its InputError with the place before it."""
    try:
        return function(value)
    except InputError as error:
        return InputError(f"{place}: {error}")


def _ordered(phones):
    """Return the phones in order of time. Raises InputError if two overlap by more than a frame."""
    phones = sorted(phones, key=lambda phone: phone[:2])
    for before, after in itertools.pairwise(phones):
        if before[1] - after[0] > OVERLAP:
            raise InputError(f"phones {before[2]!r} and {after[2]!r} overlap at {after[0]:.3f} s")
    return phones
