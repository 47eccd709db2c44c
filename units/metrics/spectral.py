"""Differences of two spectra, and the comb that a frame rate leaves in a spectrum.

`log_mel` is the distance that the vocoders are trained on (`losses.LogMel`), in numpy: natural
log of the magnitude in 80 mel bands (O'Shaughnessy's scale, as in HTK), 64 ms Hann windows every 16 ms.
"""

import numpy as np

from units.audio.mel import mel_filters
from units.audio.timing import FRAME_SHIFT, RATE

SIZE, HOP, BANDS = 1024, 256, 80  # samples, samples, mel bands
FLOOR = 1e-5  # of a band's magnitude before the log
_BLOCK = 1024  # windows transformed at once, to limit memory
_SPACING = 20  # bins of the long-term spectrum between two lines of the comb
_NEIGHBOURS = np.array(
    [-10, -9, -8, -7, -6, -5, 5, 6, 7, 8, 9, 10]
)  # bins; closer bins belong to the line itself
_DYNAMIC_RANGE = 1e-10  # of the spectrum's peak: everything below is rounding error


def _hann(size):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def _spectra(samples, size, hop):
    """Yield the (windows, size / 2 + 1) complex spectra of full windows, in blocks."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    step = max(1, _BLOCK * SIZE // size)
    for start in range(0, len(windows), step):
        yield np.fft.rfft(windows[start : start + step] * _hann(size))


def _log_mels(samples):
    padded = np.pad(np.asarray(samples, np.float64), SIZE // 2, mode="reflect")
    for spectra in _spectra(padded, SIZE, HOP):
        yield np.log(np.maximum(np.abs(spectra) @ mel_filters(BANDS, SIZE), FLOOR))


def log_mel(reference, synthesis):
    """Return the mean absolute difference of two log-mel spectrograms, or None below 64 ms.

    reference, synthesis: (S,) float at 16 kHz, of one length. A copy half as loud scores ln 2 = 0.69.
    """
    if len(reference) < SIZE:
        return None
    total = cells = 0
    for a, b in zip(_log_mels(reference), _log_mels(synthesis), strict=True):
        total += np.abs(a - b).sum()
        cells += a.size
    return float(total / cells)


def comb_db(samples, frame_shift=FRAME_SHIFT):
    """Return the level of lines at multiples of the frame rate above their neighbours, in dB.

    samples: (S,) float at 16 kHz; frame_shift: s. The long-term power spectrum (Welch 1967: Hann windows of
    20 frames, overlapping by half) has a bin each twentieth of the frame rate. The figure is the mean in dB
    of all lines up to the Nyquist frequency, less that of the bins 5 to 10 away on both sides: 0 for
    noise and for speech, high for what a network does once a frame. A voice that keeps to a pitch which is
    a multiple of the frame rate scores too. None under 20 frames, and for silence.
    """
    size = _SPACING * round(frame_shift * RATE)
    if len(samples) < size:
        return None
    power = np.zeros(size // 2 + 1)
    for spectra in _spectra(np.asarray(samples, np.float64), size, size // 2):
        power += np.square(np.abs(spectra)).sum(axis=0)
    lines = np.arange(_SPACING, len(power) - _SPACING // 2, _SPACING)
    around = power[lines[:, None] + _NEIGHBOURS]
    heard = np.maximum(around.max(axis=1), power[lines]) > _DYNAMIC_RANGE * power.max()
    if not heard.any():
        return None
    floor = _DYNAMIC_RANGE * power.max()
    around, on = np.log10(np.maximum(around[heard], floor)), np.log10(np.maximum(power[lines][heard], floor))
    return float(10 * (on - around.mean(axis=1)).mean())
