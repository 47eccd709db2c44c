"""Write audio: 16-bit, 16 kHz, mono, as files and as the parts of a stream."""

import io
import os
import struct

import numpy as np
import soundfile

from units.audio.timing import RATE
from units.records import warn

_AUDIBLE_GAIN = 0.89  # -1 dB: decoders of lossy formats go a little beyond full scale


def fit(samples):
    """Return (samples, gain): the samples, scaled to lie in -1..1 if any is beyond, as in float recordings.

    >>> fit(np.array([0.5, -2.0]))
    (array([ 0.25, -1.  ], dtype=float32), 0.5)
    """
    samples = np.asarray(samples, np.float32)
    gain = 1.0 / max(1.0, float(np.abs(samples).max(initial=0.0)))
    return (samples * np.float32(gain) if gain < 1 else samples), gain


def save(path_or_file, samples, container="WAV"):
    """Write float samples as 16-bit, 16 kHz mono audio, scaled by `fit`; return its gain."""
    fitting, gain = fit(samples)
    fitting = int16(fitting)
    if isinstance(path_or_file, (str, bytes, os.PathLike)):
        soundfile.write(os.fsencode(path_or_file), fitting, RATE, format=container, subtype="PCM_16")
        return gain
    encoded = io.BytesIO()  # libsndfile does not report a full disk when it writes to a file object
    soundfile.write(encoded, fitting, RATE, format=container, subtype="PCM_16")
    path_or_file.write(encoded.getbuffer())
    return gain


def save_clip(file, samples, source):
    """Write a clip of the recording `source`; warn if the recording goes well beyond full scale."""
    if save(file, samples) < _AUDIBLE_GAIN:
        warn(f"{source}: goes beyond full scale; such clips of it are turned down to fit")


def int16(samples):
    """Return float samples in -1..1 as the nearest 16-bit integers; values outside are clipped.

    The full scale is 32768, as in reading, so 16-bit audio comes back unchanged.

    >>> int16(np.array([-32768, 1, 32767]) / 32768).tolist()
    [-32768, 1, 32767]
    """
    return np.clip(np.round(np.asarray(samples) * 32768.0), -32768, 32767).astype("<i2")


def pcm16(samples):
    """Return float samples in -1..1 as the bytes of 16-bit little-endian PCM; values outside are clipped."""
    return int16(samples).tobytes()


def clipped_pcm16(samples, source):
    """Return `pcm16`; warn if the clipping of `source` is audible."""
    if np.abs(samples).max(initial=0.0) > 1 / _AUDIBLE_GAIN:
        warn(f"{source}: goes beyond full scale; its peaks are clipped")
    return pcm16(samples)


def wav_header(samples=None, comment=""):
    """Return the header of a 16-bit, 16 kHz mono WAV; of unknown length (a pipe) it claims the most it can.

    comment: ASCII text kept in the file's LIST chunk.
    """
    text = comment.encode("ascii") + b"\0" * (2 - len(comment) % 2)
    info = b"INFOICMT" + struct.pack("<I", len(text)) + text if comment else b""
    listed = b"LIST" + struct.pack("<I", len(info)) + info if comment else b""
    size = 0xFFFFFFFF if samples is None else 2 * samples
    riff = 0xFFFFFFFF if samples is None else 36 + len(listed) + size
    layout = struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + layout + listed + b"data" + struct.pack("<I", size)
    )
