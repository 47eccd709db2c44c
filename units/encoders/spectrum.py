"""Log-mel spectra in frames of 20 ms, the input of a learned encoder.

Frame i is centred on sample 320 i + 200, like those of wav2vec 2.0. With two spectra per frame, they are
10 ms apart, symmetric about that centre. Subtracting each band's mean over the recording removes the
microphone, the loudness and part of the voice (cepstral mean subtraction, Atal 1974).
"""

import functools

import numpy as np
import torch

from units.audio.mel import mel_corners, triangles
from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD

WINDOW = RECEPTIVE_FIELD  # samples: 25 ms
N_FFT = 512
FLOOR = 1e-5  # of the recording's mean power per band: 50 dB below it is silence
_BLOCK = 3000  # frames computed at once


@functools.cache
def filterbank(bands, warp=1.0):
    """Return (257, bands) float32 triangles, evenly spaced in mel from 40 to 7600 Hz, each with sum 1.

    warp: factor that multiplies all frequencies first; above 1 is a shorter vocal tract.
    """
    corners_hz = mel_corners(bands, 40.0, 7600.0)
    hz = np.arange(N_FFT // 2 + 1) * RATE / N_FFT * warp
    filters = triangles(hz, corners_hz)
    nearest = np.abs(hz[:, None] - corners_hz[1:-1]).argmin(axis=0)  # a narrow one may fall between two bins
    filters[nearest, np.arange(bands)] = np.maximum(filters[nearest, np.arange(bands)], 1e-3)
    return torch.tensor(filters / filters.sum(axis=0), dtype=torch.float32)


def power(samples, frames, spectra):
    """Return the power spectra of windows of samples, (B, frames * spectra, 257).

    samples: (B, S) float32, beginning 320 samples before the first frame. White noise of variance 1 has power
    1 everywhere.
    """
    first = HOP + round(HOP / spectra * (1 - spectra) / 2)
    windows = samples[:, first:].unfold(1, WINDOW, HOP // spectra)[:, : frames * spectra]
    windows = windows * torch.hann_window(WINDOW, device=samples.device)
    return torch.view_as_real(torch.fft.rfft(windows, N_FFT)).square().sum(-1) / (0.375 * WINDOW)


def spectra_of(samples, frames, bands, spectra):
    """Return the log-mel spectra of a recording minus each band's mean, (frames, spectra * bands) float32.

    samples: (S,) float32 at 16 kHz, at least as many as the frames need.
    """
    level = float(np.mean(np.square(samples), dtype=np.float64)) + 1e-10
    bank, found = filterbank(bands), np.empty((frames * spectra, bands), np.float32)
    for first in range(0, frames, _BLOCK):
        count = min(_BLOCK, frames - first)
        begin, end = (first - 1) * HOP, (first + count + 1) * HOP + WINDOW
        part = samples[max(0, begin) : end]
        part = np.pad(part, (max(0, -begin), max(0, end - len(samples))))
        with torch.inference_mode():
            mel = power(torch.as_tensor(part)[None], count, spectra)[0] @ bank
            found[first * spectra : (first + count) * spectra] = (mel / level + FLOOR).log()
    found -= found.mean(axis=0, dtype=np.float64).astype(np.float32)
    return found.reshape(frames, spectra * bands)
