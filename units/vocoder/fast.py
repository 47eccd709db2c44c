"""fast: units and F0 to waveform by filtering pulses and noise, frame by frame, in the short-time spectrum.

ConvNeXt blocks and an inverse STFT, after Vocos (Siuzdak 2023, arXiv 2306.00814). The head does not predict a
spectrum but two filters: one for pulses at F0, one for noise (after Liu et al. 2020, Neural homomorphic
vocoder). So the pitch is right from the first training step.
"""

import torch
from torch import nn
from torch.nn.functional import gelu

from units.audio.timing import HOP
from units.convolution import TimeConvolution
from units.vocoder.layers import Conditions
from units.vocoder.source import Noise, contour, pulses
from units.vocoder.windows import BINS, Spectrum

_SLOW, _QUICK = 6, 2  # blocks at 50 and at 100 frames per second
_KERNEL = 7
_LOUDEST = 6.0  # of the filters' log gains
# Jitter log F0 in training: an exact melody identifies a crop, and the network memorises it.
_BLUR = 0.05  # standard deviation of the jitter, per frame and per crop
_HIDDEN = 0.1257  # a tenth of N(0, 1) is nearer to 0: these frames lose their unit and speaker in training
_SHARES = (0.375, 0.875)  # weight of the later frame in windows centred on samples 320 m and 320 m + 160


class Block(nn.Module):
    """ConvNeXt: a depthwise convolution, a norm and two linear layers, added to the input: (B, T, C)."""

    def __init__(self, width):
        super().__init__()
        self.depthwise = TimeConvolution(width, _KERNEL, groups=width)
        self.norm = nn.LayerNorm(width)
        self.inner, self.output = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width,), 1 / (_SLOW + _QUICK)))

    def forward(self, x, real=None):
        """Return (B, T, C); real: (B, T) bool, false beyond the ends of recordings."""
        y = self.norm(self.depthwise(x if real is None else x * real[..., None]))
        return torch.addcmul(x, self.scale, self.output(gelu(self.inner(y))))


class GeneratorFast(nn.Module):
    """Units (B, N), F0 (B, N) Hz and speaker (B, N) to waveform (B, 320 N)."""

    margin = 28  # frames on either side that the sound depends on

    def __init__(self, config):
        super().__init__()
        width = config.width
        self.conditions = Conditions(config, with_f0=False)
        self.first = nn.Conv1d(self.conditions.channels + 2, width, _KERNEL, padding=_KERNEL // 2)
        self.norm = nn.LayerNorm(width)
        self.slow = nn.ModuleList(Block(width) for _ in range(_SLOW))
        self.quick = nn.ModuleList(Block(width) for _ in range(_QUICK))
        self.last_norm, self.head = nn.LayerNorm(width), nn.Linear(width, 3 * BINS)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.bias, 0.0)
        self.head.bias.data[:BINS] = -4.0  # a quiet voice
        self.head.bias.data[2 * BINS :] = -6.0  # with little breath
        self.noise, self.spectrum = Noise(), Spectrum()

    def forward(self, units, f0_hz, speaker, place=None, counts=None):
        """Return (B, 320 N) in -1..1.

        place: (first frame (B,), filled F0 (B, N), cycles (B, N)) of a part of a recording, by `contour`.
        counts: (B,), number of frames of each row's recording; the padding after them does not change them.
        """
        first, filled, cycles = place or self._place(units, f0_hz)
        voiced = f0_hz > 0
        noise = self.noise(first, units.shape[1])
        known = self._known(units, voiced, filled, speaker, noise.unflatten(1, (-1, HOP)))
        filters = self._filters(known, counts)
        sources = torch.stack([pulses(filled, cycles, voiced), noise], dim=1)
        if counts is not None:
            sources = sources * _within(HOP * counts, sources.shape[2])[:, None]
            filters = [part * _within(2 * counts + 1, part.shape[1])[..., None] for part in filters]
        wave = self.spectrum(sources, *filters, counts)
        return wave.clamp(-1.0, 1.0) if not self.training else wave

    def _known(self, units, voiced, filled, speaker, chance):
        """Return the input of the network, (B, C, N). chance: (B, N, 320) of N(0, 1), for training."""
        known = self.conditions(units, filled, speaker)
        log_f0 = filled.clamp(min=20.0).log()
        if self.training:
            known = known * (chance[..., 0].abs() > _HIDDEN)[:, None]
            log_f0 = log_f0 + _BLUR * (chance[..., 1] + chance[:, :1, 2])
        pitch = torch.stack([voiced.float(), (log_f0 - 5.0) * 2], dim=1).float()
        return torch.cat([known, pitch], dim=1)

    def _filters(self, x, counts):
        """Return gain and phase of the pulses' filter and gain of the noise's, each (B, 2 N + 1, BINS).

        x: (B, C, N), the input of the network.
        """
        frames, real = x.shape[2], _within(counts, x.shape[2])
        x = self.first(x if real is None else x * real[:, None])
        x = self.norm(x.transpose(1, 2))
        for block in self.slow:
            x = block(x, real)
        if counts is not None:
            last = torch.arange(frames, device=x.device).minimum(counts[:, None] - 1)
            x = x.gather(1, last[..., None].expand_as(x))
        x = _between(x)
        real = None if counts is None else _within(2 * counts + 1, x.shape[1])
        for block in self.quick:
            x = block(x, real)
        loud, phase, rough = self.head(self.last_norm(x)).float().split(BINS, dim=-1)
        return torch.exp(loud.clamp(max=_LOUDEST)), phase, torch.exp(rough.clamp(max=_LOUDEST))

    @staticmethod
    def _place(units, f0_hz):
        """Return the place of complete recordings; their noise depends on their units."""
        filled, cycles = (column.float() for column in contour(f0_hz))
        first = (units * torch.arange(1, units.shape[1] + 1, device=units.device)).sum(dim=1)
        return first, filled, cycles


def _within(counts, steps):
    """Return which steps are before each count, (B, steps) bool, or None without counts."""
    return None if counts is None else torch.arange(steps, device=counts.device) < counts[:, None]


def _between(x):
    """Interpolate frames (B, N, C) at the centres of the windows of the STFT, (B, 2 N + 1, C).

    A frame is centred on its sample 200, the windows on its samples 0 and 160.
    """
    earlier = torch.cat([x[:, :1], x], dim=1)
    later = torch.cat([x, x[:, -1:]], dim=1)
    return torch.stack([torch.lerp(earlier, later, share) for share in _SHARES], dim=2).flatten(1, 2)[:, :-1]
