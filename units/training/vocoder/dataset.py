"""A corpus to train on: units, F0, speaker and audio end to end, audio decoded once into a memory map.

Recordings stand one behind the other, each cut to whole frames, so that unit i of the corpus is exactly the
samples [320 i, 320 i + 320) of the file. Crops are consecutive windows of that line from a random phase:
no unit is drawn more often than another.
"""

import contextlib
import hashlib
import os
from dataclasses import dataclass

import numpy as np

from units.audio.pitch import estimate
from units.audio.reading import load_record
from units.audio.timing import HOP
from units.audio.writing import clipped_pcm16
from units.files.arrays import load_arrays
from units.files.output import create
from units.files.sources import digest_of
from units.records import InputError, frame_units, require, warn
from units.vocoder.prosody import fit_f0

_USED = ("id", "units", "counts", "f0", "speaker")
_KINDS = {"units": "i", "f0_hz": "f", "speaker": "i", "ends": "i", "content": "U", "key": "U"}


@dataclass(frozen=True)
class Corpus:
    """units (T,) int64; f0_hz (T,) float32; speaker (T,) int64; audio (320 T,) int16; ends (R,) frames.

    content: a hash of the audio.
    """

    units: np.ndarray
    f0_hz: np.ndarray
    speaker: np.ndarray
    audio: np.ndarray
    ends: np.ndarray
    content: str = ""

    def crops(self, length, random):
        """Return the first frames of an epoch's crops of `length` frames, shuffled: (M,) int64.

        The crops tile the corpus from a random phase, around its end. None overlaps another, and what is left
        over where length does not divide the corpus is elsewhere each time.
        """
        count = max(1, len(self.units) // length)
        starts = np.arange(count) * length + random.integers(len(self.units))
        return random.permutation(starts % len(self.units))

    def take(self, starts, length):
        """Return units, F0, speaker (B, length) and audio (B, 320 length) float32 of crops."""
        frames = (starts[:, None] + np.arange(length)) % len(self.units)
        samples = (frames[:, :, None] * HOP + np.arange(HOP)).reshape(len(starts), -1)
        audio = self.audio[samples].astype(np.float32) / 32768.0
        return self.units[frames], self.f0_hz[frames], self.speaker[frames], audio


def build(records, speakers, path):
    """Return the Corpus of records, its audio and F0 kept at `path`.s16 and `path`.npz from run to run.

    speakers: the names in the order of their indices; a record of another is taken for the first's.
    F0 is taken from records that have it and computed once for those that do not. Raises InputError at the
    place of a record that cannot be used, and if there is no sound in any.
    """
    key = digest_of(records, _USED)
    if (arrays := _cached(path, key)) is None:
        _write(records, speakers, path, key)
        arrays = _cached(path, key)
    return Corpus(audio=np.memmap(f"{path}.s16", np.int16, mode="r"), **arrays)


def _cached(path, key):
    """Return the arrays that are kept for these records; None where there are none, or not whole."""
    try:
        arrays = load_arrays(f"{path}.npz", _KINDS, "a cache")
        size = os.path.getsize(f"{path}.s16")
    except (InputError, OSError):
        return None
    arrays["content"] = str(arrays["content"])
    if any(arrays[name].ndim != 1 for name in ("units", "ends")):
        return None
    frames = len(arrays["units"])
    whole = arrays["f0_hz"].shape == arrays["speaker"].shape == (frames,) and size == 2 * HOP * frames
    return arrays if str(arrays.pop("key")) == key and whole and arrays["ends"][-1:] == frames else None


def _write(records, speakers, path, key):
    columns, content, heard = [], hashlib.sha256(), False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.npz")  # so that it never lies beside audio of other records
    with create(f"{path}.s16") as audio:
        for record in records:
            try:
                units, f0_hz, samples = _prepare(record)
            except InputError as error:
                raise InputError(f"{record.place}: {error}") from None
            heard = heard or bool(np.any(samples))
            data = clipped_pcm16(samples, record["audio_filepath"])
            audio.write(data)
            content.update(data)
            index = speakers.index(record["speaker"]) if record.get("speaker") in speakers else 0
            columns.append((units, np.float32(f0_hz), np.full(len(units), index)))
    if not heard:
        raise InputError("all recordings are silent throughout: there is nothing to learn to speak")
    units, f0_hz, speaker = (np.concatenate(column) for column in zip(*columns, strict=True))
    ends = np.cumsum([len(column[0]) for column in columns])
    with create(f"{path}.npz") as out:
        arrays = {"units": units, "f0_hz": f0_hz, "speaker": speaker, "ends": ends}
        np.savez(out, **arrays, content=np.array(content.hexdigest()), key=np.array(key))


def _prepare(record):
    """Return a record's frame units, their F0 and exactly 320 samples a unit."""
    units = np.array(frame_units(record), np.int64)
    samples = load_record(record)
    if not len(units) or abs(len(samples) - len(units) * HOP) > 2 * HOP:
        raise InputError(f"{len(units)} units, but {len(samples)} samples, not 320 a unit")
    f0_hz = fit_f0(require(record, "f0") if "f0" in record else estimate(samples), len(units))
    return units, f0_hz, np.pad(samples, (0, HOP * 2))[: len(units) * HOP]


def f0_statistics(corpus, speakers):
    """Return mean and standard deviation of log Hz over voiced frames, a tuple each, by speaker.

    Warns of a speaker with no voiced frame, who gets a range about 120 Hz.
    """
    means, spreads = [], []
    for index in range(max(1, speakers)):
        log_f0 = np.log(corpus.f0_hz[(corpus.speaker == index) & (corpus.f0_hz > 0)])
        if not len(log_f0):
            who = f"speaker {index + 1} of {speakers}" if speakers else "the corpus"
            warn(f"{who} has no voiced frame: its F0 is taken to be about 120 Hz")
        means.append(float(log_f0.mean()) if len(log_f0) else 4.8)
        spreads.append(max(0.05, float(log_f0.std())) if len(log_f0) else 0.25)
    return tuple(means), tuple(spreads)
