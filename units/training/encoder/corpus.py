"""The corpus that an encoder is trained on: audio end to end, decoded once into a memory map."""

import contextlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.audio.reading import load_record
from units.audio.timing import frame_count
from units.files.sources import digest_of, source_of
from units.records import InputError
from units.training.audio_cache import at_its_place, load_cache, write_cache


@dataclass(frozen=True)
class AudioCorpus:
    """audio: (S,) int16, all recordings; ends: (R,) int64, the end of each in samples; content: its hash."""

    audio: np.ndarray
    ends: np.ndarray
    content: str = ""

    @cached_property
    def begins(self):
        """The first sample of each recording, (R,) int64."""
        return np.concatenate([[0], self.ends[:-1]])

    @cached_property
    def frames(self):
        """The number of frames of each recording, (R,) int64."""
        return np.array([frame_count(size) for size in self.ends - self.begins])

    @cached_property
    def first_frames(self):
        """The number of frames before each recording, (R,) int64."""
        return np.cumsum(self.frames) - self.frames

    def samples(self, recording, first=0, last=None):
        """Return the samples [first, last) of a recording as float32."""
        begin, end = self.begins[recording], self.ends[recording]
        part = self.audio[begin + first : end if last is None else min(end, begin + last)]
        return part.astype(np.float32) / 32768

    def draw_crops(self, count, length, random):
        """Return recordings (count,) and first frames (count,) of crops of `length` frames.

        Recordings are drawn in proportion to their length; a short one is taken from its start.
        """
        frames = self.frames
        chosen = random.choice(len(frames), count, p=frames / frames.sum())
        return chosen, random.integers(0, np.maximum(frames[chosen] - length, 0) + 1)


def build_corpus(records, path, item=at_its_place):
    """Return the AudioCorpus of records, whose audio is cached at `path`.s16 and `path`.npz.

    item(record): a context in which the record's audio is read; if it suppresses the InputError of a record,
    that record is left out. Raises InputError if none is left.
    """
    key = digest_of(_usable(records))
    if (cache := load_cache(path, key, {})) is None:
        write_cache(path, key, records, _prepare, lambda sizes: {"ends": np.cumsum(sizes)}, item)
        cache = load_cache(path, key, {})
    audio, arrays = cache
    return AudioCorpus(audio, **arrays)


def _usable(records):
    """Yield the records whose audio exists; `_prepare` says what is wrong with the others."""
    for record in records:
        with contextlib.suppress(InputError):
            source_of(record)
            yield record


def _prepare(record):
    samples = load_record(record)
    if not frame_count(len(samples)):
        raise InputError(f"{len(samples)} samples are too few for one frame")
    return samples, len(samples)
