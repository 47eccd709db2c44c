"""The corpus that a vocoder is trained on: units, F0, speaker and audio of all recordings, end to end.

Each recording is cut to whole frames, so that unit i of the corpus belongs to exactly the samples
[320 i, 320 i + 320) of the audio. Crops are consecutive windows from a random phase, so no unit is drawn more
often than another.
"""

from dataclasses import dataclass

import numpy as np

from units.audio.pitch import estimate
from units.audio.reading import load_record
from units.audio.timing import HOP
from units.files.sources import digest_of
from units.records import InputError, frame_units, require, warn
from units.training import audio_cache
from units.vocoder.prosody import fit_f0

_USED = ("id", "units", "counts", "f0", "speaker")
_COLUMNS = {"units": "i", "f0_hz": "f", "speaker": "i"}


@dataclass(frozen=True)
class UnitCorpus:
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

        The crops tile the corpus from a random phase, around its end, without overlap. If length does not
        divide the corpus, the rest lies elsewhere in each epoch.
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
    """Return the UnitCorpus of records, its audio and F0 kept at `path`.s16 and `path`.npz from run to run.

    speakers: the names in the order of their indices; a record of another speaker gets index 0. F0 comes
    from the records, or is computed once for those that have none. Raises InputError at the place of a record
    that cannot be used, and if all audio is silent.
    """

    def read(record):
        units, f0_hz, samples = _read(record)
        index = speakers.index(record["speaker"]) if record.get("speaker") in speakers else 0
        return samples, {"units": units, "f0_hz": np.float32(f0_hz), "speaker": np.full(len(units), index)}

    kept = audio_cache.build(path, digest_of(records, _USED), records, read, _COLUMNS)
    del kept["kept"]
    return UnitCorpus(**{**kept, "ends": kept["ends"] // HOP})


def _read(record):
    """Return a record's frame units, their F0, and exactly 320 samples per unit."""
    units = np.array(frame_units(record), np.int64)
    samples = load_record(record)
    if not len(units) or abs(len(samples) - len(units) * HOP) > 2 * HOP:
        raise InputError(f"{len(units)} units do not fit {len(samples)} samples: 1 unit is {HOP} samples")
    f0_hz = fit_f0(require(record, "f0") if "f0" in record else estimate(samples), len(units))
    return units, f0_hz, np.pad(samples, (0, HOP * 2))[: len(units) * HOP]


def f0_statistics(corpus, speakers):
    """Return mean and standard deviation of log Hz over voiced frames, a tuple of each, by speaker.

    Warns about a speaker without voiced frames, who gets a range around 120 Hz.
    """
    means, spreads = [], []
    for index in range(max(1, speakers)):
        log_f0 = np.log(corpus.f0_hz[(corpus.speaker == index) & (corpus.f0_hz > 0)])
        if not len(log_f0):
            who = f"speaker {index + 1} of {speakers}" if speakers else "the corpus"
            warn(f"{who} has no voiced frames; an F0 of about 120 Hz is assumed")
        means.append(float(log_f0.mean()) if len(log_f0) else 4.8)
        spreads.append(max(0.05, float(log_f0.std())) if len(log_f0) else 0.25)
    return tuple(means), tuple(spreads)
