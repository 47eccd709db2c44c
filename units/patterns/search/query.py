"""Queries: a pattern of units, the units or frames of a record, or a recording."""

import re

import numpy as np

from units.audio.reading import load_audio
from units.audio.segment import ENERGY_HOP, levels, speech_by_energy, tracks
from units.audio.timing import FRAME_SHIFT, HOP, RATE, frame_count
from units.encoders import models
from units.patterns.search.costs import ANY
from units.patterns.search.find import NO_FRAMES
from units.records import InputError

LONGEST = 60.0  # s of a recording given as a query
AROUND = 1.0  # s of context on each side of a span: encoders work less well on a word alone
_HOPS = HOP // ENERGY_HOP  # of 10 ms, per frame
_EDGE = 2  # frames at the edges of a recording that see too little of it
_FEWEST = 10  # frames of speech, so that some remain without the edges


def is_pattern(text):
    """Return whether a query consists of units and * only.

    >>> is_pattern("31 42 * 99"), is_pattern("31.wav")
    (True, False)
    """
    return bool(re.fullmatch(r"\s*(\d{1,9}|\*)(\s+(\d{1,9}|\*))*\s*", text, re.ASCII))


def parse_pattern(text):
    """Return the runs of a pattern. * is any one run; equal neighbours are one run.

    >>> parse_pattern("31 31 42 * 99")
    [31, 42, -1, 99]
    """
    units = [ANY if word == "*" else int(word) for word in text.split()]
    return [unit for i, unit in enumerate(units) if unit == ANY or i == 0 or unit != units[i - 1]]


class QueryEncoder:
    """Turns recordings into vectors of an index's Space, by its encoder. The encoder is loaded once."""

    def __init__(self, index, device="auto", log=lambda place: None):
        """log: a function that gets the device and precision once the encoder is loaded."""
        self._sounds, self._device, self._encoder, self._log = index.sounds, device, None, log

    def frames(self, frames, encoder=None):
        """Return the vectors of (N, D) frames. encoder: the name of their encoder, if known."""
        space = self._space()
        if encoder and space.encoder and encoder != space.encoder:
            raise InputError(f"these frames come from {encoder}, but those of the index from {space.encoder}")
        return space.project(frames)

    def span(self, path, offset, duration, channel=None):
        """Return the vectors of a span of a recording, encoded with its context.

        offset, duration: s; a duration of None is the rest of the file. Raises InputError if that is longer
        than LONGEST.
        """
        start = max(0.0, offset - AROUND)
        before = round((offset - start) / FRAME_SHIFT)
        lasting = LONGEST + FRAME_SHIFT if duration is None else duration
        samples = load_audio(path, start, offset + lasting + AROUND - start, channel, shorter=True)
        if duration is None and len(samples) / RATE - (offset - start) > LONGEST:
            raise InputError(
                f"{path}: more than {LONGEST:.0f} s long after {offset:g} s; a spoken query must be shorter"
            )
        found = self._encode(samples, path)[before : before + max(1, round(lasting / FRAME_SHIFT))]
        if not len(found):
            raise InputError(f"{path}: ends before {offset:g} s")
        return found

    def whole(self, path, channel=None):
        """Return the vectors of a recording, from the beginning to the end of speech in it.

        An encoder works less well on a word without its sentence, so the recording is reflected at both ends,
        and speech at an edge loses two frames there. Raises InputError if it cannot be read, is longer than
        LONGEST, shorter than a frame, or silent.
        """
        self._space()
        found = levels(path)
        if found.seconds > LONGEST:
            raise InputError(
                f"{path}: {found.seconds:.0f} s long; a spoken query must have at most {LONGEST:.0f} s"
            )
        [(channel, levels_db)] = tracks(path, found, "mix" if channel is None else channel)
        speech = np.flatnonzero(speech_by_energy(levels_db))
        if not len(speech):
            raise InputError(f"{path}: no speech found")
        samples = load_audio(path, channel=channel)
        count = frame_count(len(samples))
        if not count:
            raise InputError(f"{path}: {len(samples) / RATE:.3f} s long, shorter than a frame")
        around = round(AROUND / FRAME_SHIFT)
        frames = self._encode(np.pad(samples, around * HOP, mode="symmetric"), path)[around : around + count]
        first, last = min(speech[0] // _HOPS, count - 1), min(speech[-1] // _HOPS, count - 1)
        if last - first >= _FEWEST:
            first, last = max(first, _EDGE), min(last, count - 1 - _EDGE)
        return frames[first : last + 1]

    def _space(self):
        if self._sounds is None:
            raise InputError(NO_FRAMES)
        return self._sounds.space

    def _encode(self, samples, path):
        space = self._space()
        if self._encoder is None:
            if not space.encoder:
                raise InputError(
                    "the frames of the index name no encoder, so the index cannot be searched by voice"
                )
            self._encoder = models.encoder_named(space.encoder, self._device)
            self._log(self._encoder.place)
        frames = self._encoder.encode(samples)
        if not len(frames):
            raise InputError(f"{path}: {len(samples) / RATE:.3f} s long, shorter than a frame")
        return space.project(frames)
