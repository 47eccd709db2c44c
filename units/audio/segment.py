"""Waveform to spans of speech: cuts in a long recording that do not cut a word."""

import collections
import hashlib
import os
import re
from dataclasses import dataclass

import numpy as np

from units.audio import channels
from units.audio.reading import channel_blocks
from units.audio.timing import RATE
from units.config import SegmentConfig
from units.records import InputError

ENERGY_HOP = RATE // 100  # samples between energies: 10 ms
WINDOW = 400  # samples of one energy: 25 ms
_QUIET = 20  # hops over which the quietest point is sought: longer than the closure of a stop
FLOOR_DB = -120.0  # of digital silence, below full scale
_CHANNEL = re.compile(r"-ch\d+$")
_LOUDEST_SHARE, _LOUDEST_HOPS = 0.01, 50
_CROSSTALK_DB = 15.0  # by which a speaker is weaker in the microphone of the other


@dataclass(frozen=True)
class Levels:
    """How loud a recording is every 10 ms, as the RMS over 25 ms about their mean, in dB re full scale.

    mix: (N,) of the mean of its channels; each: (channels, N); seconds: its length; powers: see `channels`.
    """

    mix: np.ndarray
    each: np.ndarray
    seconds: float
    powers: np.ndarray


def levels(path):
    """Return the Levels of a recording.

    It is read block by block: memory grows by 8 bytes per 10 ms and channel. A level is taken about the mean,
    because the DC offset of a recorder would fill the pauses. Raises InputError if the file cannot be read.
    """
    found, carry, samples, powers = [], np.zeros((0, 1), np.float32), 0, 0.0
    for block in channel_blocks(path):
        samples += len(block)
        powers = powers + channels.powers(block)
        # the mean of one channel is that channel
        block = np.hstack([channels.mix(path, block), block]) if block.shape[1] > 1 else block
        carry = np.concatenate([carry if len(carry) else block[:0], block])
        count = max(0, (len(carry) - WINDOW) // ENERGY_HOP + 1)
        found.append(_rms_db(carry, count))
        carry = carry[count * ENERGY_HOP :]
    for start in range(0, len(carry), ENERGY_HOP):  # windows that the end of the recording cuts
        found.append(_db(carry[start:].astype(np.float64).var(axis=0))[:, None])
    joined = np.concatenate([np.zeros((1, 0)) if not found else found[0], *found[1:]], axis=1)
    return Levels(joined[0], joined[1:] if len(joined) > 1 else joined, samples / RATE, powers)


def _rms_db(samples, count):
    """Return the levels of `count` windows of (n, columns) samples: (columns, count) dB."""
    rows = samples.T.astype(np.float64)
    starts = np.arange(count) * ENERGY_HOP
    sums, squares = (_running_sum(values) for values in (rows, np.square(rows)))
    mean = (sums[:, starts + WINDOW] - sums[:, starts]) / WINDOW
    power = (squares[:, starts + WINDOW] - squares[:, starts]) / WINDOW - np.square(mean)
    return _db(power)


def _db(power):
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


def _running_sum(rows):
    return np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows, axis=1)], axis=1)


def speech_level_db(levels_db):
    """Return how loud the loud parts of a recording are: a level that 1 % and 0.5 s of it exceed.

    Half a second, so that a knock or a door does not count as speech. Of less than 5 s, a tenth exceeds it.

    >>> knock = np.concatenate([np.full(500, -60.0), np.full(100, -30.0), np.full(30, -1.0)])
    >>> float(speech_level_db(knock))
    -30.0
    """
    if not len(levels_db):
        return FLOOR_DB
    rank = min(max(_LOUDEST_SHARE * len(levels_db), _LOUDEST_HOPS), len(levels_db) / 10)
    return np.partition(levels_db, -1 - int(rank))[-1 - int(rank)]


def speech_by_energy(levels_db, config=SegmentConfig()):
    """Return which 10 ms hold speech: (N,) bool, those louder than silence_db below the speech level.

    A recording that is digitally silent throughout holds none.
    """
    return (levels_db > speech_level_db(levels_db) + config.silence_db) & (levels_db > FLOOR_DB)


def _without_crosstalk(each_db, speech_db):
    """Return the levels of channels, with silence in place of sound that another channel has much louder.

    each_db: (channels, N); speech_db: (channels,), to which loud and quiet microphones are compared.
    """
    relative_db = each_db - speech_db[:, None]
    return np.where(relative_db < relative_db.max(axis=0) - _CROSSTALK_DB, FLOOR_DB, each_db)


def tracks(path, found, choice):
    """Return what to segment of a recording: [(channel, None for the mix; levels in dB, (N,))].

    found: its Levels; choice: "mix", "loudest", "split" into all channels, or the number of one. If the
    channels cancel each other in the mix, the loudest of them replaces it, with a warning.
    """
    if isinstance(choice, int):
        return [(choice, channels.pick(path, found.each.T, choice))]
    if len(found.each) == 1:
        return [(None, found.mix)]
    speech_db = np.array([speech_level_db(levels_db) for levels_db in found.each])
    if choice == "split":
        return list(enumerate(_without_crosstalk(found.each, speech_db)))
    if choice == "loudest":
        loudest = int(np.argmax(speech_db))
        return [(loudest, found.each[loudest])]
    if not channels.cancel(found.powers):
        return [(None, found.mix)]
    loudest = channels.loudest(found.powers)
    channels.warn_of_cancelling(path, loudest)
    return [(loudest, found.each[loudest])]


def spans(speech, levels_db, config=SegmentConfig()):
    """Return the segments as [(start, end)], in hops of 10 ms, in order, each hop of speech in exactly one.

    speech: (N,) bool; levels_db: (N,) dB. Cuts lie in the middle of silences of min_silence or more. Spans
    shorter than min_duration join a neighbour; spans longer than max_duration are cut in the middle of
    its quietest 0.2 s; what holds no speech at all is left out.
    """
    least, most = (
        round(config.min_duration * RATE / ENERGY_HOP),
        round(config.max_duration * RATE / ENERGY_HOP),
    )
    cuts = _silence_middles(speech, round(config.min_silence * RATE / ENERGY_HOP))
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
    """Return a different name for each file: its stem, or if several share it the path, with _ for /.

    Raises InputError if a file is given twice.

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
    # "a-ch1" is what channel 1 of "a" is called
    count = collections.Counter(names + [n for n in names if _CHANNEL.sub("", n) in set(names) - {n}])
    return [n if count[n] == 1 else f"{n}-{_hash(p)}" for n, p in zip(names, paths, strict=True)]


def _shorten(name):
    """Keep a name short enough for file names: of a long one its beginning and a hash."""
    data = os.fsencode(name)
    return name if len(data) <= 200 else f"{data[:180].decode(errors='ignore')}-{_hash(name)}"


def _hash(name):
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:12]


def segment_id(name, start, end, channel=None):
    """Return the id of a segment from start to end (hops of 10 ms): NAME-START-END in ms.

    With a channel it begins with NAME-chN. The times are zero padded to hold any recording up to a day, so
    ids sort in time order.

    >>> segment_id("Mc 1", 0, 1234), segment_id("Mc 1", 0, 1234, channel=1)
    ('Mc 1-00000000-00012340', 'Mc 1-ch1-00000000-00012340')
    """
    name = name if channel is None else f"{name}-ch{channel}"
    return f"{name}-{start * 10:08d}-{end * 10:08d}"
