"""Load any span of any recording, exact to the sample, as 16 kHz mono. The home of soxr.

PCM is decoded by libsndfile, all else by FFmpeg's libraries. A span is the same part of one decode of the
whole file, at the file's own rate bit for bit, and after resampling to within 1e-6 of full scale. The
resampler is soxr's high quality one: flat to 91 % of the Nyquist frequency, aliases below -100 dB.
"""

import contextlib
import functools
import itertools
import math
import os
import stat
import threading
from collections import OrderedDict

import numpy as np
import soxr

from units.audio import channels
from units.audio.compressed import Compressed
from units.audio.pcm import open_pcm
from units.audio.timing import FRAME_SHIFT, RATE
from units.audio.turns import Turns
from units.records import InputError, optional, require

BLOCK_SECONDS = 30
_SLOWEST, _FASTEST = 1000, 10_000_000  # Hz: a rate beyond is a mistake of the header
_MARGIN_SECONDS = 0.1  # twice as long as the resampler's filter
_SHARED = 4  # files kept open that can only be decoded from the beginning


def open_source(path):
    """Return the Source of a recording; raise InputError naming the file if it cannot be read."""
    if path in ("", "-"):
        raise InputError(f"{path!r} is not a file name; recordings cannot be read from standard input")
    try:
        if os.path.isdir(path):
            raise InputError(f"{path}: this is a folder; name the files in it, as {path}/*.wav")
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: not a regular file; segments cannot be read from a pipe or device")
        if not os.stat(path).st_size:
            raise InputError(f"{path}: the file is empty")
        source = open_pcm(path) or Compressed(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not _SLOWEST <= source.rate <= _FASTEST:
        raise InputError(f"{path}: the sampling rate, {source.rate} Hz, is not plausible")
    return source


def decoded(path):
    """Return a whole recording as its file has it: (rate in Hz, (n, channels) float32)."""
    source = open_source(path)
    with contextlib.closing(source):
        parts = [samples for _, samples in source.decode()]
    return source.rate, np.concatenate(parts) if parts else np.zeros((0, source.channels), np.float32)


def channel_blocks(path):
    """Yield a recording as successive (n, channels) float32 arrays at 16 kHz, of about 30 s each.

    Memory does not grow with the length of the file. Raises InputError naming the file if it cannot be read,
    is damaged, ends before its header says, or holds NaN.
    """
    source = open_source(path)
    with contextlib.closing(source):
        yield from _resampled(_checked(path, _blocks(source)), source.rate, source.channels)


def blocks(path, channel=None):
    """Yield a recording as successive float32 arrays at 16 kHz: one channel, or the mean of all.

    See `channel_blocks`; the mean is taken of channels that cancel each other, too.
    """
    source = open_source(path)
    with contextlib.closing(source):
        arrays = (channels.mix(path, samples, channel) for samples in _checked(path, _blocks(source)))
        for block in _resampled(arrays, source.rate, 1):
            yield block[:, 0]


def _blocks(source):
    """Yield what a source decodes in arrays of BLOCK_SECONDS."""
    parts, size = [], 0
    for _, samples in source.decode():
        parts.append(samples)
        size += len(samples)
        if size >= BLOCK_SECONDS * source.rate:
            yield np.concatenate(parts)
            parts, size = [], 0
    if parts:
        yield np.concatenate(parts)


def _checked(path, arrays):
    for samples in arrays:
        if not np.isfinite(samples).all():
            raise InputError(f"{path}: has NaN or infinity")
        yield samples


def _resampled(arrays, rate, count):
    if rate == RATE:
        yield from arrays
        return
    stream = soxr.ResampleStream(rate, RATE, count, dtype="float32", quality="HQ")
    for samples in arrays:
        yield stream.resample_chunk(samples)
    yield stream.resample_chunk(np.zeros((0, count), np.float32), last=True)


@functools.lru_cache(maxsize=1000)
def _loudest_if_they_cancel(identity):
    path = identity[0]
    powers = sum(channels.powers(block) for block in channel_blocks(path))
    if not channels.cancel(powers):
        return None
    channels.warn_of_cancelling(path, loudest := channels.loudest(powers))
    return loudest


def length(path):
    """Return how long a recording is by its header, in s; None if it does not say or cannot be read."""
    if not os.path.isfile(path):
        return None
    try:
        with contextlib.closing(open_source(path)) as source:
            return source.frames / source.rate if source.frames else None
    except InputError:
        return None


def _span(source, offset, duration, channel, shorter):
    """Return a span at 16 kHz, (n,) float32, of one channel or the mean of all, and the channels' `powers`.

    The span is resampled with its surroundings, from a sample that exists at both rates.
    """
    common = math.gcd(source.rate, RATE)
    step_in, step_out = source.rate // common, RATE // common
    first, count = round(offset * RATE), None if duration is None else round(duration * RATE)
    margin = 0 if source.rate == RATE else _MARGIN_SECONDS
    steps = max(0, math.floor((first - margin * RATE) / step_out))
    stop = None if count is None else math.ceil((first + count) / RATE * source.rate + margin * source.rate)
    powers, mixed = np.zeros(source.channels + 2), []
    for samples in _checked(source.path, _pieces(source, steps * step_in, stop)):
        mixed.append(channels.mix(source.path, samples, channel))
        if source.channels > 1 and channel is None:
            powers += channels.powers(samples)
    found = np.concatenate([*_resampled(iter(mixed), source.rate, 1), np.zeros((0, 1), np.float32)])[:, 0]
    found = found[first - steps * step_out :][:count]
    if first and count is None and not len(found):
        raise InputError(f"{source.path}: ends before {offset:g} s, the beginning of the span")
    missing = 0 if count is None or shorter else count - len(found)
    if missing > FRAME_SHIFT * RATE:
        raise InputError(f"{source.path}: ends {missing / RATE:.2f} s before the span does")
    return np.pad(found, (0, missing)) if missing else found, powers


def _pieces(source, start, stop):
    """Yield the samples from start to stop, or to the end, in arrays of BLOCK_SECONDS."""
    size = BLOCK_SECONDS * source.rate
    for at in itertools.count(start, size):
        wanted = size if stop is None else min(size, stop - at)
        samples = source.read(at, at + wanted) if wanted > 0 else []
        if len(samples):
            yield samples
        if len(samples) < size:
            return


class Reader:
    """Loads spans of recordings. Files stay open, so that spans in order of time cost one decode.

    Each thread keeps the last file that can be read from anywhere. Files that must be decoded from the
    beginning are shared by all threads, which wait for each other.
    """

    def __init__(self):
        self._own = threading.local()
        self._lock, self._shared = threading.Lock(), OrderedDict()

    def load(self, path, offset=0.0, duration=None, channel=None, shorter=False):
        """Return a span of a recording as (S,) float32 at 16 kHz: one channel, or the mean of all.

        offset, duration: s; a duration of None is the rest of the file. S is round(16000 duration). If the
        recording ends up to one frame of 20 ms before that, zeros are added; if it ends earlier, that is an
        error or, with `shorter`, S is smaller. If the channels cancel each other in their mean, because
        microphones have opposite polarity, the loudest is used and a warning reports it. Raises InputError,
        naming the file.
        """
        source, lock = self._source(path)
        with lock:
            samples, powers = _span(source, offset, duration, channel, shorter)
            # a short span may cancel by chance
            if channels.cancel(powers) and (loudest := _loudest_if_they_cancel(_identity(path))) is not None:
                samples, _ = _span(source, offset, duration, loudest, shorter)
        return samples

    def load_record(self, record):
        """Return the samples of a record: of its audio_filepath, offset, duration and channel."""
        path = require(record, "audio_filepath")
        offset, duration = optional(record, "offset", 0.0), optional(record, "duration")
        return self.load(path, offset, duration, optional(record, "channel"))

    def _source(self, path):
        """Return (source, lock) of a file: this thread's own, or one that all threads share."""
        key = _identity(path)
        if getattr(self._own, "key", None) == key:
            return self._own.source, contextlib.nullcontext()
        with self._lock:
            shared = self._shared.get(key)
        if shared is None:
            source = open_source(path)
            if source.preroll is not None:
                self._own.key, self._own.source = key, source
                return source, contextlib.nullcontext()
            with self._lock:
                shared = self._shared.setdefault(key, (source, Turns()))
                while len(self._shared) > _SHARED:
                    self._shared.popitem(last=False)
        return shared


def _identity(path):
    """Return a key that differs if the file at a path is replaced, and in child processes."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, os.getpid()


_READER = Reader()
load_audio, load_record = _READER.load, _READER.load_record
