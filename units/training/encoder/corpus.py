"""The corpus that an encoder is trained on: the audio of all recordings, end to end."""

import contextlib
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from units.audio.reading import load_record
from units.audio.timing import frame_count
from units.files.sources import digest_of, source_of
from units.records import InputError, warn
from units.training import audio_cache


@dataclass(frozen=True)
class AudioCorpus:
    """The audio and, if known, the labels of recordings, end to end.

    audio: (S,) int16; ends: (R,) int64 samples, the end of each recording; content: a hash of the audio;
    labels: (frames of all recordings,) int64, -1 for a frame without one, or None; records: those of the
    recordings, in order.
    """

    audio: np.ndarray
    ends: np.ndarray
    content: str = ""
    labels: np.ndarray | None = None
    records: tuple = ()

    @cached_property
    def begins(self):
        """The first sample of each recording, (R,) int64."""
        return np.concatenate([[0], self.ends[:-1]])

    @cached_property
    def frames(self):
        """Number of frames of each recording, (R,) int64."""
        return np.array([frame_count(size) for size in self.ends - self.begins])

    @cached_property
    def first_frames(self):
        """Number of frames before each recording, (R,) int64."""
        return np.cumsum(self.frames) - self.frames

    def samples(self, recording, first=0, last=None):
        """Return the samples first to last of a recording, float32."""
        begin, end = self.begins[recording], self.ends[recording]
        part = self.audio[begin + first : end if last is None else min(end, begin + last)]
        return part.astype(np.float32) / 32768

    def draw_crops(self, count, length, random):
        """Return recordings (count,) and first frames (count,) of crops of `length` frames.

        Recordings are drawn in proportion to their length. A crop of a shorter recording begins at its start.
        """
        frames = self.frames
        chosen = random.choice(len(frames), count, p=frames / frames.sum())
        return chosen, random.integers(0, np.maximum(frames[chosen] - length, 0) + 1)


def build_corpus(records, path, item=audio_cache.at_its_place, labels=None):
    """Return the AudioCorpus of records, its audio kept at `path`.s16 and `path`.npz from run to run.

    item: as in `audio_cache.build`; labels: FrameLabels or None. Records without labels are kept, with a
    warning that counts them. Raises InputError if no record can be used.
    """
    found = audio_cache.build(path, digest_of(_usable(records)), records, _read, item=item)
    used = tuple(records[place] for place in found.pop("kept"))
    corpus = AudioCorpus(**found, records=used)
    if labels is None:
        return corpus
    made = _labelled(corpus, labels)
    content = hashlib.sha256(corpus.content.encode() + made.tobytes()).hexdigest()
    return replace(corpus, labels=made, content=content)


def _labelled(corpus, labels):
    """Return the (frames of the corpus,) labels of its records."""
    records, found, faults = corpus.records, [], []
    for record, frames in zip(records, corpus.frames, strict=True):
        try:
            found.append(labels.of(record, frames))
        except InputError as error:
            faults.append(error)
            found.append(np.full(frames, -1))
    if len(faults) == len(records):
        raise InputError(f"none of {len(records)} records has labels; for example, {faults[0]}")
    if faults:
        warn(f"{len(faults)} of {len(records)} records have no labels; for example, {faults[0]}")
    return np.concatenate(found)


def _usable(records):
    """Yield the records that name their audio correctly; `_read` reports the faults of the others."""
    for record in records:
        with contextlib.suppress(InputError):
            source_of(record)
            yield record


def _read(record):
    samples = load_record(record)
    if not frame_count(len(samples)):
        raise InputError(f"{len(samples)} samples are too few for one frame")
    return samples, {}
