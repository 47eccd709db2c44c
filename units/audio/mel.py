"""Mel bands: the filters of encoders, losses and figures."""

from functools import lru_cache

import numpy as np

from units.audio.timing import RATE


@lru_cache
def mel_filters(bands, size, low_hz=0.0):
    """Return triangular filters of height 1, equally spaced in mel up to 8 kHz: (size / 2 + 1, bands).

    size: samples of the Fourier transform whose bins are weighted; low_hz: the lower corner of the first
    filter. mel = 2595 log10(1 + f / 700 Hz) (O'Shaughnessy 1987), as in HTK.

    >>> mel_filters(40, 400).shape
    (201, 40)
    """
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (low_hz, RATE / 2))
    corners_hz = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    frequency_hz = np.linspace(0, RATE / 2, size // 2 + 1)[:, None]
    rising = (frequency_hz - corners_hz[:-2]) / np.diff(corners_hz)[:-1]
    falling = (corners_hz[2:] - frequency_hz) / np.diff(corners_hz)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    filters.setflags(write=False)  # the cache gives the same array to all
    return filters


def cosines(bands, count):
    """Return the first `count` columns of the orthonormal discrete cosine transform: (bands, count) float64.

    >>> bool(np.allclose(cosines(8, 8) @ cosines(8, 8).T, np.eye(8)))
    True
    """
    angles = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(count)
    scale = np.sqrt(np.where(np.arange(count) == 0, 1, 2) / bands)
    return np.cos(angles) * scale
