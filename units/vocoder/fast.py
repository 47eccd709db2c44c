"""fast: units and F0 to waveform by shaping pulses and noise, frame by frame, in the short-time spectrum.

ConvNeXt blocks and an inverse STFT, after Vocos (Siuzdak 2023, arXiv 2306.00814), whose head here draws not a
spectrum but two filters: one for pulses at F0, one for noise (after Liu et al. 2020, Neural homomorphic
vocoder). So the pitch is F0's own, however little the network was trained.
"""

import numpy as np
import torch
from torch import nn

from units.audio import HOP, RECEPTIVE_FIELD
from units.vocoder.layers import Conditions
from units.vocoder.source import Noise, contour, pulses

N_FFT, STEP = 640, 160  # samples: windows of 40 ms, 10 ms apart
BINS = N_FFT // 2 + 1
_SLOW, _QUICK = 6, 2  # blocks at 50 and at 100 frames a second
_KERNEL = 7
_LOUDEST = 6.0  # of the filters' log gains


class Block(nn.Module):
    """ConvNeXt: a depthwise convolution, a norm, two linear layers, added to what it is given: (B, C, T)."""

    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, _KERNEL, padding=_KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inner, self.output = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 1 / (_SLOW + _QUICK)))

    def forward(self, x):
        """Return (B, C, T)."""
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.scale * self.output(nn.functional.gelu(self.inner(y)))
        return x + y.transpose(1, 2)


class GeneratorFast(nn.Module):
    """Units (B, N), F0 (B, N) Hz and speaker (B, N) to waveform (B, 320 N)."""

    def __init__(self, config):
        super().__init__()
        width = config.width
        self.conditions = Conditions(config, with_f0=False)
        self.first = nn.Conv1d(self.conditions.channels + 2, width, _KERNEL, padding=_KERNEL // 2)
        self.norm = nn.LayerNorm(width)
        self.slow = nn.Sequential(*(Block(width) for _ in range(_SLOW)))
        self.quick = nn.Sequential(*(Block(width) for _ in range(_QUICK)))
        self.last_norm, self.head = nn.LayerNorm(width), nn.Linear(width, 3 * BINS)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.bias, 0.0)
        self.head.bias.data[:BINS] = -4.0  # a quiet voice
        self.head.bias.data[2 * BINS :] = -6.0  # with little breath
        self.noise = Noise()
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)

    def forward(self, units, f0_hz, speaker, place=None):
        """Return (B, 320 N) in -1..1.

        place: (first frame (B,), filled F0 (B, N), cycles (B, N)) of a part of a recording, by `contour`.
        """
        first, filled, cycles = place or self._place(units, f0_hz)
        voiced = f0_hz > 0
        gains = self._filters(units, voiced, filled, speaker)
        sources = torch.stack([pulses(filled, cycles, voiced), self.noise(first, units.shape[1])], dim=1)
        spectra = torch.stft(
            sources.flatten(0, 1), N_FFT, STEP, window=self.window, pad_mode="constant", return_complex=True
        )
        shaped = (spectra.unflatten(0, (-1, 2)) * gains).sum(dim=1)
        wave = torch.istft(shaped, N_FFT, STEP, window=self.window, length=HOP * units.shape[1])
        return wave.clamp(-1.0, 1.0) if not self.training else wave

    def _filters(self, units, voiced, filled, speaker):
        """Return the complex filters of pulses and noise, (B, 2, BINS, 2 N + 1)."""
        pitch = torch.stack([voiced.float(), (filled.clamp(min=20.0).log() - 5.0) * 2], dim=1).float()
        x = self.first(torch.cat([self.conditions(units, filled, speaker), pitch], dim=1))
        x = self.slow(self.norm(x.transpose(1, 2)).transpose(1, 2))
        x = self.quick(_between(x, units.shape[1]))
        loud, phase, rough = (
            self.head(self.last_norm(x.transpose(1, 2))).float().transpose(1, 2).split(BINS, dim=1)
        )
        loud, rough = (torch.exp(part.clamp(max=_LOUDEST)) for part in (loud, rough))
        return torch.stack([torch.polar(loud, phase), torch.complex(rough, torch.zeros_like(rough))], dim=1)

    @staticmethod
    def _place(units, f0_hz):
        """Return the place of recordings that begin here; their noise depends on their units."""
        contours = [contour(row) for row in f0_hz.cpu().numpy()]
        filled, cycles = (
            torch.as_tensor(np.stack(rows), dtype=torch.float32, device=units.device)
            for rows in zip(*contours, strict=True)
        )
        first = (units * torch.arange(1, units.shape[1] + 1, device=units.device)).sum(dim=1)
        return first, filled, cycles


def _between(x, count):
    """Return (B, C, N) channels of frames at the centres of the windows of the STFT, (B, C, 2 N + 1)."""
    windows = torch.arange(2 * count + 1, device=x.device) * STEP
    place = ((windows - RECEPTIVE_FIELD / 2) / HOP).clamp(0, count - 1)
    left = place.floor().long().clamp(max=max(count - 2, 0))
    share = (place - left).to(x.dtype)
    return x[:, :, left] * (1 - share) + x[:, :, (left + 1).clamp(max=count - 1)] * share
