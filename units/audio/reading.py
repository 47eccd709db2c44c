"""Load a span of a recording as 16 kHz mono, and save one. The only home of soundfile and soxr.

Decoding is libsndfile's (wav, flac, mp3, ogg, opus and more); what it does not know (m4a, webm, wma) goes
through ffmpeg where that is installed. The resampler is soxr's high quality one: flat to 91 % of the Nyquist
frequency, aliases below -100 dB, block by block, without torch, and five times as fast as torchaudio's.
"""

import os
import stat
import threading

import numpy as np
import soundfile
import soxr

from units.audio import ffmpeg
from units.audio.headers import check_header, check_mp3, check_rate
from units.audio.stderr import hushed
from units.audio.timing import FRAME_SHIFT, RATE
from units.records import InputError, optional, require

_BLOCK_SECONDS = 30
_PROMISED, _GUESSED, _SLACK = 6 * 3600 * RATE, 3600 * RATE, 64  # samples, on a header's, a record's word
_LONGEST = 30 * 24 * 3600  # s that a header is believed
_LOSSY = ("MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS")
_PREROLL = 24 * 1152  # samples: 511 bytes may be 21 frames of MP3


def blocks(path, offset=0.0, duration=None, channel=None):
    """Yield the span as successive float32 arrays at 16 kHz, mono, of some 30 s each.

    offset, duration: s; None is to the end. channel: which one, the first is 0; None is the mean of all.
    Memory does not grow with the length of the file. Raises InputError naming the file where it cannot be
    read, ends early, or holds NaN.
    """
    try:
        file = _open(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        _mono(path, channel)
        yield _cut(_decode_elsewhere(path, error), path, offset, duration)
        return
    with file:
        yield from _span(file, path, offset, duration, channel)


def length(path):
    """Return how long a recording is, in s, as its header has it; None where libsndfile cannot tell."""
    if not os.path.isfile(path):  # a FIFO would be waited for
        return None
    try:
        with _open(path) as file:
            seconds = file.frames / file.samplerate
    except (soundfile.LibsndfileError, OSError, TypeError):
        return None
    return seconds if 0 < seconds < _LONGEST else None  # what comes through a pipe claims the most it can


def _open(path):
    if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
        raise InputError(f"{path}: not a file, and a pipe cannot be read again from where a segment begins")
    with hushed():
        return soundfile.SoundFile(os.fsencode(path))


def _mono(path, channel):
    """Refuse a channel of a file whose channels are mixed before we see them."""
    if channel is not None:
        raise InputError(f"{path}: its channels cannot be told apart; convert it to WAV")


def _span(file, path, offset, duration, channel=None):
    if channel is not None and channel >= file.channels:
        raise InputError(
            f"{path}: has {file.channels} channels, so channel {channel} does not exist (the first is 0)"
        )
    check_rate(path, file.samplerate)
    if duration is None:
        check_header(path, file.format, file.extra_info)
    yield from _resampled(_decoded(file, path, offset, duration, channel), file.samplerate)


def _cut(samples, path, offset, duration):
    if duration is not None and (missing := offset + duration - len(samples) / RATE) > FRAME_SHIFT:
        raise InputError(f"{path}: ends {missing:.2f} s before the span does")
    return samples[round(offset * RATE) : None if duration is None else round((offset + duration) * RATE)]


def _decoded(file, path, offset, duration, channel=None):
    """Yield mono blocks at the file's own rate, as long as the span asks."""
    rate = file.samplerate
    start = round(offset * rate)
    left = None if duration is None else round(duration * rate)
    try:
        if start or (file.seekable() and file.tell()):  # GSM 6.10 is read from its start alone
            with hushed():
                _seek(file, min(start, file.frames))
        while left is None or left > 0:
            size = _BLOCK_SECONDS * rate if left is None else min(left, _BLOCK_SECONDS * rate)
            with hushed():
                block = file.read(size, dtype="float32", always_2d=True)
            if not len(block):
                break
            if not np.isfinite(block).all():
                raise InputError(f"{path}: holds NaN or infinity")
            left = None if left is None else left - len(block)
            yield block.mean(axis=1) if channel is None and block.shape[1] > 1 else block[:, channel or 0]
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: {error.error_string}") from None
    if left is None and file.subtype == "MPEG_LAYER_III":
        check_mp3(path, file.tell(), rate)
    # A span is made from the length that the decoder once reported; more than a frame short is a file cut.
    if left is not None and left > rate * FRAME_SHIFT:
        raise InputError(f"{path}: ends {left / rate:.2f} s before the span does")


def _seek(file, start):
    """Go to a sample, by way of those before it where decoding depends on them: in MP3 on up to 511 bytes."""
    before = min(start, _PREROLL if file.subtype in _LOSSY else 0)
    file.seek(start - before)
    file.read(before, dtype="float32")


def _resampled(decoded, rate):
    if rate == RATE:
        yield from decoded
        return
    stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ")
    for block in decoded:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _decode_elsewhere(path, error):
    """Return the whole file through ffmpeg; raise InputError with libsndfile's complaint where none is."""
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as failure:
        raise InputError(f"{path}: {getattr(failure, 'strerror', None) or failure}") from None
    return ffmpeg.decode(path, RATE, getattr(error, "error_string", str(error)).rstrip("."))


def load(path, offset=0.0, duration=None, channel=None):
    """Return a span of a recording as float32 samples at 16 kHz, mono: a channel, or the mean of all.

    path: any file that libsndfile reads; offset, duration: s, None to the end. A span of a resampled file
    is resampled on its own, so its first and last few samples may differ from those of the whole by 1e-4.
    Raises InputError naming the file.
    """
    return _whole(blocks(path, offset, duration, channel), duration)


def _whole(parts, duration, expected=0):
    """Return the parts as one array, made beforehand where its length is known: held once, not twice."""
    wanted = None if duration is None else round(duration * RATE)
    likely = expected if wanted is None else min(wanted, expected or _GUESSED)
    samples, end = np.zeros(min(likely, _PROMISED) + _SLACK, np.float32), 0
    for part in parts:
        if end + len(part) > len(samples):
            samples = np.concatenate([samples[:end], np.zeros(len(part) + end // 2, np.float32)])
        samples[end : end + len(part)] = part
        end += len(part)
    # Resamplers differ by a sample in where they stop: a span has the length that its duration says.
    if wanted is not None and wanted > len(samples):
        return np.pad(samples[:end], (0, wanted - end))
    return samples[: end if wanted is None else wanted]


class Reader:
    """Loads spans of recordings as `load` does, quicker where one file's spans are asked for in turn.

    Each thread keeps its last file open: a new decoder of an MP3 has to read its way to the offset, so 600
    spans of 3 hours took 5 minutes. What ffmpeg decoded is kept too, one file for all threads.
    """

    def __init__(self):
        self._own = threading.local()
        self._lock, self._elsewhere = threading.Lock(), (None, None)

    def load(self, path, offset=0.0, duration=None, channel=None):
        """Return the samples of the span; see `load`."""
        if getattr(self._own, "path", None) != path:
            self._own.path = self._own.file = None
            try:
                self._own.file = _open(path)
            except (soundfile.LibsndfileError, OSError, TypeError) as error:
                _mono(path, channel)
                return _whole([_cut(self._decoded_elsewhere(path, error), path, offset, duration)], duration)
            self._own.path = path
        file, self._own.path = self._own.file, None  # until it is read: one that fails is opened anew
        expected = max(0, round((file.frames / file.samplerate - offset) * RATE))
        samples = _whole(_span(file, path, offset, duration, channel), duration, expected)
        self._own.path = path
        return samples

    def _decoded_elsewhere(self, path, error):
        with self._lock:
            if self._elsewhere[0] != path:
                self._elsewhere = None, None  # let go of the one before decoding the other
                self._elsewhere = path, _decode_elsewhere(path, error)
            return self._elsewhere[1]

    def load_record(self, record):
        """Return the samples of a record; see `load_record`."""
        return self.load(*_span_of(record))


def load_record(record):
    """Return the samples of a record: its audio_filepath, from offset for duration, of channel, if given."""
    return load(*_span_of(record))


def _span_of(record):
    path = require(record, "audio_filepath")
    offset = optional(record, "offset", 0.0)
    duration = optional(record, "duration")
    return path, offset, duration, optional(record, "channel")
