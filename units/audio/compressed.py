"""Recordings that FFmpeg decodes: MP3, M4A, Ogg, Opus, WebM, WMA, AMR, 3GP and more.

FFmpeg skips data that it cannot decode, as a player should; here that is an error that gives the time.
"""

import os

import numpy as np

from units.audio import mp3
from units.audio.ffmpeg import FFmpegError, first_frame, floats, open_container
from units.audio.ogg import check_ogg
from units.audio.sizes import claimed_size
from units.audio.source import Source
from units.records import InputError, warn

_LAYER_3 = ("mp3", "mp3float")
# A frame of MP3 depends on up to 511 bytes of the frames before it, and each has at least 58 (32 kbit/s,
# 48 kHz, stereo). Below 32 kHz it depends on 255, and a frame may have only one (8 kbit/s, 24 kHz, stereo).
# Two frames overlap besides. ISO/IEC 11172-3, 2.4.3.4; 13818-3.
_PREROLL, _PREROLL_LOW, _LOW = 16 * 1152, 260 * 576, 32000  # samples; Hz
_MP3_EDGES = 4 * 1152  # samples: more than encoders add before and after the sound
_KEPT_SECONDS = 4
_LONGEST_SECONDS = 30 * 24 * 3600
_KEPT_SECONDS_SHARED = 120  # threads that share a file do not come quite in the order of time
_CHUNK_SECONDS = 0.5
_GAP_SECONDS = 0.06  # more than time stamps of any format are rounded by
# more than a header claims of what a decoder leaves out at the end
_SHORT_SECONDS, _SHORT_SECONDS_ELSE = {"mp3": 0.0}, 0.1
_MICROSECONDS = 1_000_000  # per second: the unit of a container's duration
_PADDING_SECONDS = 0.12  # the longest frame of Opus
_HEADED = ("mov", "matroska", "avi", "flac", "wv", "tta", "caf", "ape", "wav", "w64", "aiff", "mpc")


class Compressed(Source):
    """A file that FFmpeg decodes from the beginning; MP3 from any frame as well."""

    def __init__(self, path):
        """Open the file; raise InputError if it cannot be read, or holds no sound."""
        frame = first_frame(path)
        rate = frame.sample_rate
        super().__init__(path, rate, frame.layout.nb_channels, kept=_KEPT_SECONDS_SHARED * rate)
        self._tick = float(frame.time_base * self.rate)  # samples per unit of a time stamp
        self._first, self._container = self._stamp(frame, 0), None
        self._open()
        self.frames = self._claimed()
        self._raw = self._container.format.name == "mp3"
        # elsewhere time stamps are rounded, and would not say at which sample a decode begins
        if self._stream.codec_context.name in _LAYER_3 and self._raw:
            self.preroll, self.kept = _PREROLL if rate >= _LOW else _PREROLL_LOW, _KEPT_SECONDS * rate

    def _open(self):
        if self._container is not None:
            self._container.close()
        try:
            self._container = open_container(self.path)
        except FFmpegError as error:
            raise InputError(f"{self.path}: cannot be opened again ({error.strerror})") from None
        self._stream = self._container.streams.audio[0]

    def _claimed(self):
        """Return how many samples the header says there are, None if it does not say."""
        kind = self._container.format.name.split(",")[0]
        claimed = self._most = mp3.claimed_samples(self.path) if kind == "mp3" else None
        seconds = self._duration() if claimed or kind in (*_HEADED, "ogg") else None
        if not seconds:
            return None
        if kind == "ogg":
            return self._last_position()
        frames = round(seconds * self.rate)
        if claimed is None:
            return frames
        if frames > 0 and claimed - _MP3_EDGES < frames <= claimed:
            return frames
        return max(0, claimed - _MP3_EDGES) or None  # the duration is a guess if the file is longer than that

    def _last_position(self):
        """Return how many samples an Ogg file has up to its last position; None if that cannot be true."""
        stream, head = self._stream, self._stream.codec_context.extradata or b""
        last = stream.duration * self._tick
        if head.startswith(b"OpusHead"):  # FFmpeg gives its last position itself
            last -= self._first + int.from_bytes(head[10:12], "little")
        else:
            last += max(0, (stream.start_time or 0) * self._tick - self._first)
        return round(last) if 0 < last < _LONGEST_SECONDS * self.rate else None

    def _duration(self):
        stream, container = self._stream, self._container
        if stream.duration:
            return float(stream.duration * stream.time_base)
        alone = len(container.streams) == 1  # that of a film may be its pictures'
        return container.duration / _MICROSECONDS if container.duration and alone else None

    def decode(self, start=0):
        """See Source."""
        begin = max(0, start - (self.preroll or 0))
        if self.preroll and self.frames is not None and start > self.frames:
            # put together, perhaps: past the end that its header claims, time stamps count no samples
            self.preroll, self.kept, begin = None, _KEPT_SECONDS_SHARED * self.rate, 0
        if begin:
            chunks = self._decode(begin)
            first = next(chunks, None)
            if first and first[0] <= begin:
                yield first
                yield from chunks
                return
        if self._container.format.name == "ogg":
            check_ogg(self.path, self.rate)
        yield from self._decode(0)

    def _decode(self, begin):
        if begin:  # the container stays open: it knows its frames by now
            seconds = (self._first + begin) / self.rate
            stamp = int(seconds / self._stream.time_base)
            try:
                self._container.seek(stamp, stream=self._stream, backward=True)
            except FFmpegError:
                return  # it is then decoded from its beginning
        else:
            self._open()  # a seek to 0 would not skip the delay of the encoder again
        yield from self._joined(self._frames(begin))

    def _frames(self, begin):
        """Yield (place, `floats`) of each frame; raise InputError at damage, gaps and cuts.

        begin: 0, or the sample that was sought: then the first frames may lack what came before them.
        """
        expected, place, last = None, 0, None
        fault = False
        for packet in self._packets():
            try:
                frames = packet.decode()
            except FFmpegError:
                # before its first frame an MP3 may hold anything; after a seek, the first ones lack a part
                begun = place > 0 or self.preroll is None
                fault = fault or (begun and not bytes(packet).startswith(mp3.TAGS))
                continue
            last = packet if packet.size else last
            if self._raw and place and mp3.holds_junk(bytes(packet)):
                raise InputError(f"{self.path}: damaged at {place / self.rate:.2f} s")
            for frame in frames:
                if fault:
                    raise InputError(f"{self.path}: damaged at {place / self.rate:.2f} s")
                stamp = self._stamp(frame, expected or 0)
                if expected is None:
                    place = stamp - self._first if begin else 0
                elif abs(stamp - expected) > _GAP_SECONDS * self.rate:
                    raise self._gap(place, stamp - expected)
                self._check_format(frame, place)
                yield place, floats(frame)
                self._place = place = place + frame.samples
                expected = stamp + frame.samples
        self._check_end(place, fault, last)

    def _packets(self):
        """Yield the packets of the stream."""
        self._place = 0
        try:
            yield from self._container.demux(self._stream)
        except FFmpegError:
            raise InputError(
                f"{self.path}: damaged or cut short at {self._place / self.rate:.2f} s"
            ) from None
        except IndexError:  # PyAV's, of a track that was not there at the beginning
            at = f"{self._place / self.rate:.2f} s"
            raise InputError(f"{self.path}: a new track begins at {at}; save its sound on its own") from None

    def _stamp(self, frame, expected):
        """Return the time stamp of a frame in samples, or the expected one if it has none."""
        return expected if frame.pts is None else round(frame.pts * self._tick)

    def _gap(self, place, samples):
        at, seconds = place / self.rate, samples / self.rate
        if seconds > 0:
            return InputError(f"{self.path}: damaged at {at:.2f} s: {seconds:.2f} s are missing there")
        return InputError(f"{self.path}: damaged at {at:.2f} s: its time stamps go back by {-seconds:.2f} s")

    def _check_format(self, frame, place):
        if frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
            raise InputError(
                f"{self.path}: at {place / self.rate:.2f} s it changes from {self.rate} Hz and "
                f"{self.channels} channels to {frame.sample_rate} Hz and {frame.layout.nb_channels}"
            )

    def _check_end(self, place, fault, last):
        """Raise InputError if the recording ended too early; warn if it is longer than its header says."""
        kind = self._container.format.name.split(",")[0]
        there, slack = place / self.rate, _SHORT_SECONDS.get(kind, _SHORT_SECONDS_ELSE) * self.rate + 1152
        if self.frames is not None and place < self.frames - slack:
            raise InputError(
                f"{self.path}: cut short or damaged: {there:.2f} of {self.frames / self.rate:.2f} s are there"
            )
        if (size := claimed_size(self.path, kind)) and os.path.getsize(self.path) < size:
            short = f"{os.path.getsize(self.path)} of {size} bytes are there"
            raise InputError(f"{self.path}: cut short at {there:.2f} s: {short}")
        if not place or last is None:
            raise InputError(f"{self.path}: no sound in this file")
        if fault and self.frames is not None and place < self.frames:
            raise InputError(f"{self.path}: damaged at {there:.2f} s")
        # an MP3 may be followed by tags, which are not sound
        half = fault if self.preroll is None else not mp3.is_whole(bytes(last))
        if half and self.frames is None:
            raise InputError(f"{self.path}: cut short at {there:.2f} s, in the middle of a frame")
        most = self._most or self.frames
        if most is not None and place > most + slack:
            claim = f"its header claims {most / self.rate:.2f} s"
            warn(f"{self.path}: {claim}; read to the end of the file, {there:.2f} s")
        elif self.frames is None and kind == "flac":
            warn(f"{self.path}: its header gives no length; read to the end of the file, {there:.2f} s")

    def _joined(self, frames):
        """Yield the frames put together to chunks of about half a second: (place, (n, channels))."""
        parts, begin, size = [], 0, 0
        for place, samples in frames:
            if size >= _CHUNK_SECONDS * self.rate:
                yield begin, _interleaved(parts, size)
                parts, size = [], 0
            begin = begin if parts else place
            parts.append(samples)
            size += len(samples[0])
        if parts:
            yield begin, _interleaved(parts, size)[: size - self._padding(begin + size)]

    def _padding(self, end):
        """Return how many samples at the end of an Ogg file are beyond its last position: padding."""
        beyond = end - (self.frames or end) if self._container.format.name == "ogg" else 0
        return beyond if 0 < beyond <= _PADDING_SECONDS * self.rate else 0

    def close(self):
        """See Source."""
        super().close()
        if self._container is not None:
            self._container.close()


def _interleaved(parts, size):
    """Return frames, each an array for each channel, as one (size, channels) array."""
    joined = np.empty((size, len(parts[0])), np.float32)
    for channel, arrays in enumerate(zip(*parts, strict=True)):
        np.concatenate(arrays, out=joined[:, channel])
    return joined
