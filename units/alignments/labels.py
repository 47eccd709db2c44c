"""Alignments of one phone a line: Kaldi's and NIST's CTM, TIMIT's .phn, Festival's .lab."""

import math

from units.records import InputError

TIMIT_RATE = 16000  # Hz


def _lines(path):
    """Yield (place, fields) of the lines that hold any."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"{place}: not UTF-8 at byte {error.start + 1}") from None
            if fields := text.split():
                yield place, fields


def _times(place, texts):
    """Return the texts as numbers from 0 up, in whatever unit they are."""
    try:
        times = [float(text) for text in texts]
    except ValueError:
        times = [math.nan]
    if not all(math.isfinite(time) and time >= 0 for time in times):
        raise InputError(f"{place}: {' '.join(texts)!r} where times should be")
    return times


def read_ctm(path):
    """Return [(id, phones)] of a CTM: lines of recording, channel, start, duration, label [, confidence]."""
    alignments = {}
    for place, fields in _lines(path):
        if fields[0].startswith(";;"):
            continue
        if len(fields) not in (5, 6):
            raise InputError(f"{place}: {len(fields)} fields, not recording, channel, start, duration, label")
        start, duration = _times(place, fields[2:4])
        alignments.setdefault(fields[0], []).append([start, start + duration, fields[4]])
    return list(alignments.items())


def read_phn(path):
    """Return the phones of a TIMIT .phn: lines of first sample, end sample, label, at 16 kHz."""
    phones = []
    for place, fields in _lines(path):
        if len(fields) != 3:
            raise InputError(f"{place}: {len(fields)} fields, not start sample, end sample, label")
        start, end = (samples / TIMIT_RATE for samples in _times(place, fields[:2]))
        if start > end:
            raise InputError(f"{place}: {fields[2]!r} ends before it starts")
        phones.append([start, end, fields[2]])
    return phones


def read_lab(path):
    """Return the phones of a Festival .lab: a header up to a line '#', then lines of end, colour, label.

    Each phone starts where the one before it ends, the first at 0. The label may be missing, for silence.
    """
    phones, header, end = [], True, 0.0
    for place, fields in _lines(path):
        if header:
            header = fields != ["#"]
            continue
        start, (end,) = end, _times(place, fields[:1])
        if start > end:
            raise InputError(f"{place}: ends at {end} s, before it starts at {start} s")
        phones.append([start, end, " ".join(fields[2:])])
    if header:
        raise InputError(f"{path}: no line '#' ends the header: not a Festival .lab")
    return phones
