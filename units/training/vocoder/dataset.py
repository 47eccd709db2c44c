"""The corpus that a vocoder is trained on: units, F0, speaker and audio end to end.

The audio is decoded once into a memory map. Each recording is cut to complete frames, so that unit i of the
corpus is exactly the samples [320 i, 320 i + 320) of the file. Crops are consecutive windows from a random
phase, so that no unit is drawn more often than another.
"""

from dataclasses import dataclass

import numpy as np

from units.audio.pitch import estimate
from units.audio.reading import load_record
from units.audio.timing import HOP
from units.files.sources import digest_of
from units.records import InputError, frame_units, require, warn
from units.training.audio_cache import load_cache, write_cache
from units.vocoder.prosody import fit_f0

_USED = ("id", "units", "counts", "f0", "speaker")
_KINDS = {"units": "i", "f0_hz": "f", "speaker": "i"}


@dataclass(frozen=True)
class UnitCorpus:
    """units (T,) int64; f0_hz (T,) float32; speaker (T,) int64; audio (320 T,) int16; ends (R,), in frames.

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

        The crops tile the corpus from a random phase, wrapping at its end. They do not overlap; if length
        does not divide the corpus, the part left over is a different one each time.
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


def build_corpus(records, speakers, path):
    """Return the UnitCorpus of records, whose audio and F0 are cached at `path`.s16 and `path`.npz.

    speakers: names in the order of their indices; a record of another speaker counts as the first's. F0 is
    taken from records that have it and computed for the others. Raises InputError, at the place of the
    record, if one cannot be used, and if all are silent.
    """
    key = digest_of(records, _USED)
    if (cache := _load(path, key)) is None:
        write_cache(path, key, records, lambda record: _prepare(record, speakers), _join)
        cache = _load(path, key)
    audio, arrays = cache
    return UnitCorpus(audio=audio, **arrays)


def _load(path, key):
    found = load_cache(path, key, _KINDS, HOP)
    if found is None:
        return None
    arrays = found[1]
    frames = len(np.atleast_1d(arrays["units"]))
    shapes = {arrays[name].shape for name in _KINDS}
    return found if shapes == {(frames,)} and arrays["ends"][-1:] == frames else None


def _join(parts):
    units, f0_hz, speaker = (np.concatenate(column) for column in zip(*parts, strict=True))
    ends = np.cumsum([len(part[0]) for part in parts])
    return {"units": units, "f0_hz": f0_hz, "speaker": speaker, "ends": ends}


def _prepare(record, speakers):
    """Return a record's audio, exactly 320 samples per unit, and its frame units, their F0 and speaker."""
    units = np.array(frame_units(record), np.int64)
    samples = load_record(record)
    if not len(units) or abs(len(samples) - len(units) * HOP) > 2 * HOP:
        raise InputError(f"{len(units)} units do not fit {len(samples)} samples, with {HOP} samples per unit")
    f0_hz = fit_f0(require(record, "f0") if "f0" in record else estimate(samples), len(units))
    index = speakers.index(record["speaker"]) if record.get("speaker") in speakers else 0
    columns = units, np.float32(f0_hz), np.full(len(units), index)
    return np.pad(samples, (0, HOP * 2))[: len(units) * HOP], columns


def f0_statistics(corpus, speakers):
    """Return the mean and the standard deviation of log F0 (Hz) over voiced frames, a tuple each, by speaker.

    Warns about a speaker without voiced frames, who gets a range around 120 Hz.
    """
    means, spreads = [], []
    for index in range(max(1, speakers)):
        log_f0 = np.log(corpus.f0_hz[(corpus.speaker == index) & (corpus.f0_hz > 0)])
        if not len(log_f0):
            who = f"speaker {index + 1} of {speakers}" if speakers else "the corpus"
            warn(f"{who} has no voiced frames; a mean F0 of 120 Hz is assumed")
        means.append(float(log_f0.mean()) if len(log_f0) else 4.8)
        spreads.append(max(0.05, float(log_f0.std())) if len(log_f0) else 0.25)
    return tuple(means), tuple(spreads)
