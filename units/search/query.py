"""What is searched for: a pattern of units, the units of a record, or a recording."""

import re

import numpy as np

from units import encoders
from units.audio import HOP as FRAME_HOP
from units.audio import load
from units.quantize import quantize, run_lengths
from units.records import InputError
from units.search.costs import ANY
from units.segment import HOP, energies_db, speech_by_energy

LONGEST = 60.0  # s of a spoken query
_HOPS = FRAME_HOP // HOP  # of 10 ms, in a frame


def is_pattern(text):
    """Return whether a query's words are units and * alone.

    >>> is_pattern("31 42 * 99"), is_pattern("31.wav")
    (True, False)
    """
    return bool(re.fullmatch(r"\s*(\d{1,9}|\*)(\s+(\d{1,9}|\*))*\s*", text, re.ASCII))


def parse_pattern(text):
    """Return the runs of a pattern: * is any one run; equal units side by side are one.

    >>> parse_pattern("31 31 42 * 99")
    [31, 42, -1, 99]
    """
    units = [ANY if word == "*" else int(word) for word in text.split()]
    return [unit for i, unit in enumerate(units) if unit == ANY or i == 0 or unit != units[i - 1]]


def listen(path, index, device="auto"):
    """Return the runs of what is said in a recording, from where speech begins to where it ends.

    It is encoded and quantized as the index was. Raises InputError where it cannot be read, is longer than
    LONGEST or holds no speech, and where the index has no codebook that names its encoder.
    """
    book = index.codebook
    if book is None or not book.encoder:
        raise InputError("an index with no codebook cannot be searched by voice (su-search build -c)")
    levels, duration = energies_db(path)
    if duration > LONGEST:
        raise InputError(f"{path}: {duration:.0f} s long; a spoken query has at most {LONGEST:.0f} s")
    speech = np.flatnonzero(speech_by_energy(levels))
    if not len(speech):
        raise InputError(f"{path}: no speech in it")
    samples = load(path, 0.0, duration)
    units = quantize(encoders.named(book.encoder, device).encode(samples), book, index.smooth)
    first, last = speech[0] // _HOPS, speech[-1] // _HOPS + 1
    return run_lengths(units[first:last])[0]
