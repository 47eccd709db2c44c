"""Spectrograms of speech, and a small picture of one that needs no matplotlib."""

import struct
import zlib

import numpy as np

from units.audio.timing import RATE

SHADES = 16  # of grey: 4 bits per pixel
_TOP_HZ = 6000


def spectrogram_db(samples, hop=160, size=400, bins=512):
    """Return the levels of a waveform, (bins // 2 + 1, N) float32 dB: Hann windows of 25 ms, every 10 ms."""
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    spectra = np.fft.rfft(frames * np.hanning(size).astype(np.float32), bins)
    return 20 * np.log10(np.abs(spectra).T + 1e-5).astype(np.float32)


def strip(samples, first, last, hop=128, rows=64):
    """Return the spectrogram up to 6 kHz of samples as a PNG, dark on light: (bytes, width, height).

    samples: (S,) float32 at 16 kHz; first, last: s, between which it has its full contrast, and before and
    after is paler. A pixel is `hop` samples wide.
    """
    levels = spectrogram_db(np.pad(samples, 200), hop, 400, 512)[1 : 1 + 512 * _TOP_HZ // RATE]
    levels = levels[: len(levels) // rows * rows].reshape(rows, -1, levels.shape[1]).max(axis=1)[::-1]
    dark = np.clip((levels - levels.max() + 50) / 50, 0, 1)  # the 50 dB below the loudest
    seconds = np.arange(dark.shape[1]) * hop / RATE
    dark *= np.where((first <= seconds) & (seconds < last), 1.0, 0.4)
    return png((SHADES - 1 - np.rint(dark * (SHADES - 1))).astype(np.uint8)), dark.shape[1], rows


def png(shades):
    """Return a picture as the bytes of a PNG file.

    shades: (height, width) uint8, 0 black to SHADES - 1 white.

    >>> png(np.zeros((64, 200), np.uint8))[1:4]
    b'PNG'
    """
    height, width = shades.shape
    pairs = np.pad(shades, ((0, 0), (0, width % 2))).reshape(height, -1, 2)
    packed = pairs[..., 0] << 4 | pairs[..., 1]
    lines = np.concatenate([np.zeros((height, 1), np.uint8), packed], axis=1)  # 0: a line is not filtered
    header = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
