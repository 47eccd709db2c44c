"""A corpus to train an encoder on: audio end to end, decoded once into a memory map."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.audio.reading import load_record
from units.audio.timing import frame_count
from units.audio.writing import clipped_pcm16
from units.files.arrays import load_arrays
from units.files.output import create
from units.files.sources import digest_of, source_of
from units.records import InputError


@dataclass(frozen=True)
class Corpus:
    """audio: (S,) int16 of all recordings; ends: (R,) int64 samples, where each ends; content: its hash."""

    audio: np.ndarray
    ends: np.ndarray
    content: str = ""

    @cached_property
    def begins(self):
        """The first sample of each recording, (R,) int64."""
        return np.concatenate([[0], self.ends[:-1]])

    @cached_property
    def frames(self):
        """How many frames each recording has, (R,) int64."""
        return np.array([frame_count(size) for size in self.ends - self.begins])

    @cached_property
    def first_frames(self):
        """How many frames come before each recording, (R,) int64."""
        return np.cumsum(self.frames) - self.frames

    def samples(self, recording, first=0, last=None):
        """Return some of a recording's samples as float32."""
        begin, end = self.begins[recording], self.ends[recording]
        part = self.audio[begin + first : end if last is None else min(end, begin + last)]
        return part.astype(np.float32) / 32768

    def draw(self, count, length, random):
        """Return recordings (count,) and first frames (count,) of crops of `length` frames.

        A recording is drawn as often as its length asks; a short one is taken from its start.
        """
        frames = self.frames
        chosen = random.choice(len(frames), count, p=frames / frames.sum())
        return chosen, random.integers(0, np.maximum(frames[chosen] - length, 0) + 1)


@contextlib.contextmanager
def at_its_place(record):
    """Raise the InputError of a block with the record's place before it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{record.place}: {error}") from None


def build(records, path, item=at_its_place):
    """Return the Corpus of records, its audio kept at `path`.s16 and `path`.npz from run to run.

    item(record): a context in which the record's audio is read; where it swallows the InputError of one that
    cannot be, that one is left out. Raises InputError where none is left.
    """
    key = digest_of(_usable(records))
    if (kept := _kept(path, key)) is None:
        _write(records, path, key, item)
        kept = _kept(path, key)
    return Corpus(np.memmap(f"{path}.s16", np.int16, mode="r"), *kept)


def _usable(records):
    """Yield the records that name audio as they should; of the others `_write` says what is wrong."""
    for record in records:
        with contextlib.suppress(InputError):
            source_of(record)
            yield record


def _kept(path, key):
    """Return the `ends` and `content` that are kept at a path; None where others are, or not all of them."""
    try:
        arrays = load_arrays(f"{path}.npz", {"ends": "i", "content": "U", "key": "U"}, "a cache")
        size = os.path.getsize(f"{path}.s16")
    except (InputError, OSError):
        return None
    ends = np.atleast_1d(arrays["ends"])
    whole = str(arrays["key"]) == key and size == 2 * sum(ends[-1:].tolist())
    return (ends, str(arrays["content"])) if whole else None


def _write(records, path, key, item):
    sizes, content, heard = [], hashlib.sha256(), False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.npz")  # so that it never lies beside audio of other records
    with create(f"{path}.s16") as audio:
        for record in records:
            with item(record):
                samples = load_record(record)
                if not frame_count(len(samples)):
                    raise InputError(f"{len(samples)} samples are too few for a frame")
                heard = heard or bool(np.any(samples))
                data = clipped_pcm16(samples, record["audio_filepath"])
                audio.write(data)
                content.update(data)
                sizes.append(len(samples))
        if not sizes:
            raise InputError("no recording that can be used is left")
        if not heard:
            raise InputError("all recordings are silent throughout: there is nothing to learn from")
    with create(f"{path}.npz") as out:
        np.savez(out, ends=np.cumsum(sizes), content=np.array(content.hexdigest()), key=np.array(key))
