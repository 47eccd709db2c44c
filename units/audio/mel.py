"""Mel bands: the filters of encoders, losses and figures."""

from functools import lru_cache

import numpy as np

from units.audio.timing import RATE


def mel_corners(bands, low_hz, high_hz):
    """Return the (bands + 2,) corners of triangular filters in Hz, equally spaced in mel.

    mel = 2595 log10(1 + f / 700 Hz) (O'Shaughnessy 1987), as in HTK.
    """
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (low_hz, high_hz))
    return 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)


def triangles(frequency_hz, corners_hz):
    """Return the heights, 0 to 1, of triangular filters at frequencies, (F,): (F, bands) float64.

    corners_hz: (bands + 2,); each filter rises from one corner to the next, and falls to the one after it.
    """
    frequency_hz = frequency_hz[:, None]
    rising = (frequency_hz - corners_hz[:-2]) / np.diff(corners_hz)[:-1]
    falling = (corners_hz[2:] - frequency_hz) / np.diff(corners_hz)[1:]
    return np.maximum(0, np.minimum(rising, falling))


@lru_cache
def mel_filters(bands, size, low_hz=0.0):
    """Return triangular filters of height 1, equally spaced in mel up to 8 kHz: (size / 2 + 1, bands).

    size: samples of the Fourier transform whose bins are weighted; low_hz: the lower corner of the first
    filter.

    >>> mel_filters(40, 400).shape
    (201, 40)
    """
    filters = triangles(np.linspace(0, RATE / 2, size // 2 + 1), mel_corners(bands, low_hz, RATE / 2))
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
