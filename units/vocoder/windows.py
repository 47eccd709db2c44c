"""The short-time spectrum that `fast` filters: Hann windows of 40 ms, every 10 ms, and back to sound."""

import math

import torch
from torch import nn
from torch.nn.functional import pad

N_FFT, STEP = 640, 160  # samples
BINS = N_FFT // 2 + 1
_PARTS = N_FFT // STEP  # windows that contain each sample

_LEVEL = math.sqrt(0.375 * N_FFT)  # root mean square magnitude of white noise of power 1 in a window
_LEAST = 1e-3  # magnitude; fainter noise counts as silence


class Spectrum(nn.Module):
    """Pulses and noise (B, 2, 320 N) and their filters, each (B, 2 N + 1, BINS), to waveform (B, 320 N).

    The magnitudes of the noise are set to one in each window; only its phases are kept. The random peaks and
    dips of white noise are not part of a voice, and mask it.
    """

    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    def forward(self, sources, loud, phase, rough, counts=None):
        """Return the sum of the filtered sources; counts: frames of each row, if they differ."""
        frames = self._shaped(self._windows(sources), loud, phase, rough) * self.window
        return _overlapped(frames) / self._power(frames, counts)

    def _shaped(self, windows, loud, phase, rough):
        pulses, noise = torch.fft.rfft(windows).unbind(1)
        noise = noise * level(noise.abs())
        return torch.fft.irfft(pulses * torch.polar(loud, phase) + noise * rough)

    def _windows(self, x):
        """Return the weighted windows of (..., 320 N), with zeros before its start and after its end."""
        pieces = pad(x, (N_FFT // 2, N_FFT // 2)).unflatten(-1, (-1, STEP))
        count = pieces.shape[-2] - _PARTS + 1
        parts = [pieces[..., i : i + count, :] for i in range(_PARTS)]
        return torch.cat(parts, dim=-1) * self.window

    def _power(self, frames, counts):
        """Return the sum of the squared windows over each sample."""
        squared = self.window.square().expand(1, frames.shape[1], -1)
        if counts is not None:
            kept = torch.arange(frames.shape[1], device=frames.device) <= 2 * counts[:, None]
            squared = squared * kept[..., None]
        return _overlapped(squared).clamp(min=1e-8)


def level(magnitudes):
    """Return the factors that make all magnitudes of noise equal to `_LEVEL`."""
    return _LEVEL / magnitudes.clamp(min=_LEAST)


def _overlapped(frames):
    """Return the overlap-add of windows (B, 2 N + 1, N_FFT), cut to (B, 320 N)."""
    parts = frames.unflatten(-1, (_PARTS, STEP))
    total = sum(pad(parts[:, :, i], (0, 0, i, _PARTS - 1 - i)) for i in range(_PARTS))
    return total.flatten(1)[:, N_FFT // 2 : -(N_FFT // 2)]
