"""Recordings that libsndfile decodes: WAV, FLAC, AIFF and the like, whose samples can be found by number."""

import os
import re

import numpy as np
import soundfile

from units.audio import wav
from units.audio.ffmpeg import undecoded_seconds
from units.audio.source import Source
from units.records import InputError, warn

_BLOCK_SECONDS = 1
_FLAC_SLACK = 0.5  # s: more than one frame
_MARKS = (
    b"RIFF",
    b"RIFX",
    b"RF64",
    b"BW64",
    b"FORM",
    b".snd",
    b"dns.",
    b"fLaC",
    b"caff",
    b"riff",
    b"NIST",
    b"Crea",
)
_COMPRESSED = ("MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS")
_ENDS_EARLY = re.compile(r"^\s*(?:data|SSND|Data Size|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_COUNTS_LESS = re.compile(r"Calculated frame count (\d+) does not match value from 'ds64' chunk of (\d+)")


def open_pcm(path):
    """Return the Source of a file; None if it is not of a kind that libsndfile decodes exactly."""
    with open(path, "rb") as file:
        if not file.read(4).startswith(_MARKS):
            return None
    found = wav.layout(path)
    mended = found is not None and found.claimed < found.there and wav.hides_samples(path, found)
    try:
        file = soundfile.SoundFile(wav.Repaired(path, found) if mended else os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, ValueError):
        return None
    if file.subtype in _COMPRESSED or file.frames >= 1 << 62:
        file.close()
        return None
    source = Pcm(path, file)
    if mended or (found is not None and found.is_streamed and found.claimed):
        warn(f"{path}: its header {_claim(found)}; read to the end of the file, {source.seconds:.2f} s")
    return source


def _claim(found):
    """Return what a header that is wrong says of the length."""
    if found.is_streamed:
        return "gives no length"
    if not found.byte_rate:
        return f"claims {found.claimed} bytes"
    return f"claims {found.claimed / found.byte_rate:.2f} s"


class Pcm(Source):
    """A file that libsndfile has open. A few codecs, such as GSM 6.10, can only be read from the start."""

    def __init__(self, path, file):
        super().__init__(path, file.samplerate, file.channels, kept=2 * file.samplerate)
        self._file, self.frames = file, file.frames
        self.seconds = file.frames / file.samplerate
        self.preroll = 0 if file.seekable() else None
        self._begun = False

    def decode(self, start=0):
        """See Source."""
        if start == 0:
            check_length(self.path, self._file.extra_info)
        place = 0
        try:
            if self.preroll is not None:
                place = self._file.seek(min(start, self.frames))
            elif self._begun:
                self._reopen()
            self._begun = True
            while len(block := self._file.read(_BLOCK_SECONDS * self.rate, np.float32, always_2d=True)):
                yield place, block
                place += len(block)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.removeprefix("Error : ").rstrip(".")
            if "psf_fseek" in reason:  # what it says of a FLAC that ends too early
                reason = "cut short"
            raise InputError(f"{self.path}: damaged at {place / self.rate:.2f} s ({reason})") from None
        if start == 0 and self._file.format == "FLAC":
            self._check_flac()
        if place < self.frames:
            there = f"{place / self.rate:.2f} of {self.seconds:.2f} s"
            raise InputError(f"{self.path}: damaged or cut short: {there} can be read")

    def _check_flac(self):
        """Raise InputError if a FLAC holds more sound than its header claims, as after a crash."""
        there = undecoded_seconds(self.path)
        if there > self.seconds + _FLAC_SLACK:
            claim = f"its header claims {self.seconds:.2f} s, but {there:.2f} s are there"
            raise InputError(f"{self.path}: {claim}; decode it to WAV with ffmpeg first")

    def _reopen(self):
        self._file.close()
        self._file = soundfile.SoundFile(os.fsencode(self.path))

    def close(self):
        """See Source."""
        super().close()
        self._file.close()


def check_length(path, log):
    """Raise InputError if a file ends before its header says.

    log: libsndfile's log of the header; it reports this nowhere else.
    """
    if match := _ENDS_EARLY.search(log):
        claimed, there = map(int, match.groups())
        if there < claimed < wav.STREAMED:
            raise InputError(f"{path}: cut short: {there} of {claimed} bytes are there")
    if (match := _COUNTS_LESS.search(log)) and int(match[1]) < int(match[2]):
        raise InputError(f"{path}: cut short: {match[1]} of {match[2]} samples are there")
