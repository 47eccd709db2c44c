"""Waveform to spans of speech: where to cut a long recording so that no word is cut."""

import collections
import hashlib
import os

import numpy as np

from units.audio.reading import blocks
from units.audio.timing import RATE
from units.config import SegmentConfig
from units.records import InputError

HOP = 160  # samples between energies: 10 ms
WINDOW = 400  # samples of one energy: 25 ms
_QUIET = 20  # hops over which the quietest point is sought: longer than the closure of a stop
FLOOR_DB = -120.0  # of digital silence, below full scale


def energies_db(path, channel=None):
    """Return the level of each 10 ms of a recording, and its length: (N,) dB re full scale, s.

    Each level is the RMS over 25 ms from there. The recording is read block by block, so memory grows by
    only 8 bytes for 10 ms. Raises InputError where the file cannot be read.
    """
    levels, carry, samples = [], np.zeros(0, np.float32), 0
    for block in blocks(path, channel=channel):
        samples += len(block)
        carry = np.concatenate([carry, block])
        count = max(0, (len(carry) - WINDOW) // HOP + 1)
        levels.append(_rms_db(carry, count))
        carry = carry[count * HOP :]
    levels.append(_rms_db(np.pad(carry, (0, WINDOW)), -(-len(carry) // HOP)))
    return np.concatenate(levels), samples / RATE


def _rms_db(samples, count):
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(count) * HOP
    power = np.maximum(energy[starts + WINDOW] - energy[starts], 0.0) / WINDOW
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def speech_by_energy(levels_db, config=SegmentConfig()):
    """Return which 10 ms hold speech: (N,) bool, those louder than silence_db below the loudest.

    A recording that is digitally silent throughout holds none.
    """
    peak = levels_db.max(initial=FLOOR_DB)
    return (levels_db > peak + config.silence_db) & (levels_db > FLOOR_DB)


def spans(speech, levels_db, config=SegmentConfig()):
    """Return the segments as [(start, end)], in hops of 10 ms, in order, each hop of speech in exactly one.

    speech: (N,) bool; levels_db: (N,) dB. Cuts lie in the middle of silences of min_silence or more; what is
    then shorter than min_duration joins a neighbour; what is longer than max_duration is cut in the middle of
    its quietest 0.2 s; what holds no speech at all is left out.
    """
    least, most = round(config.min_duration * RATE / HOP), round(config.max_duration * RATE / HOP)
    cuts = _silence_middles(speech, round(config.min_silence * RATE / HOP))
    pieces = list(zip([0, *cuts], [*cuts, len(speech)], strict=True))
    pieces = _join_short([p for p in pieces if speech[p[0] : p[1]].any()], least)
    power = _mean_power(levels_db)
    pieces = [part for piece in pieces for part in _cut_long(*piece, power, least, most)]
    return [(start, end) for start, end in pieces if speech[start:end].any()]


def _mean_power(levels_db):
    """Return the mean power over _QUIET hops about each hop; beyond the ends it is taken to be loud."""
    power = np.pad(10 ** (levels_db / 10), (_QUIET // 2, _QUIET - _QUIET // 2 - 1), constant_values=1.0)
    return np.convolve(power, np.ones(_QUIET) / _QUIET, "valid")


def _silence_middles(speech, least):
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~speech, [False]])))
    return [int(start + end) // 2 for start, end in edges.reshape(-1, 2) if end - start >= least]


def _join_short(pieces, least):
    """Join each piece shorter than `least` to the shorter of the neighbours that touch it."""
    joined = list(pieces)
    i = 0
    while i < len(joined):
        start, end = joined[i]
        before = joined[i - 1] if i and joined[i - 1][1] == start else None
        after = joined[i + 1] if i + 1 < len(joined) and joined[i + 1][0] == end else None
        if end - start >= least or not (before or after):
            i += 1
        elif after is None or (before and before[1] - before[0] <= after[1] - after[0]):
            joined[i - 1 : i + 1] = [(before[0], end)]
        else:
            joined[i : i + 2] = [(start, after[1])]
    return joined


def _cut_long(start, end, power, least, most):
    """Cut a piece at its quietest point, `least` or more from its ends, until no part is longer than `most`.

    Of equally quiet points the one nearest the middle: else a steady sound would fall into shreds.
    """
    done, waiting = [], [(start, end)]
    while waiting:
        start, end = waiting.pop()
        if end - start <= most:
            done.append((start, end))
            continue
        points = np.arange(start + least, end - least)
        cut = int(points[np.lexsort((np.abs(2 * points - start - end), power[points]))[0]])
        waiting += [(cut, end), (start, cut)]
    return done


def recording_names(paths):
    """Return a name for each file, no two alike: its stem, or where several share it the path, / as _.

    Raises InputError where a file is named twice.

    >>> recording_names(["a/Mc 1.mp3", "b/Mc 1.mp3", "b/Mc 2.mp3"])
    ['a_Mc 1.mp3', 'b_Mc 1.mp3', 'Mc 2']
    """
    for path, times in collections.Counter(paths).items():
        if times > 1:
            raise InputError(f"{path}: named twice")
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    count = collections.Counter(stems)
    whole = [os.path.normpath(path).replace("../", "").strip("/").replace("/", "_") for path in paths]
    names = [_shorten(s if count[s] == 1 else w) for s, w in zip(stems, whole, strict=True)]
    count = collections.Counter(names)
    return [n if count[n] == 1 else f"{n}-{_hash(p)}" for n, p in zip(names, paths, strict=True)]


def _shorten(name):
    """Keep a name short enough for file names: of a long one its beginning and a hash."""
    data = os.fsencode(name)
    return name if len(data) <= 200 else f"{data[:180].decode(errors='ignore')}-{_hash(name)}"


def _hash(name):
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:12]


def segment_id(name, start, end):
    """Return the id of a segment from start to end (hops of 10 ms): NAME-START-END in ms.

    Zero padded to hold any recording up to a day, so ids sort in time order.

    >>> segment_id("Mc 1", 0, 1234)
    'Mc 1-00000000-00012340'
    """
    return f"{name}-{start * 10:08d}-{end * 10:08d}"
