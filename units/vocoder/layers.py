"""The common parts of the generators: the embeddings, and upsampling by exactly the stride."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from units.audio.pitch import CEILING_HZ, FLOOR_HZ

RATES = (5, 4, 4, 4)  # 5 * 4 * 4 * 4 = 320 samples per unit
SLOPE = 0.1


class Conditions(nn.Module):
    """Units (B, N), F0 (B, N) Hz and speaker (B, N) to channels (B, C, N): embeddings, concatenated."""

    def __init__(self, config, with_f0):
        super().__init__()
        self.bins = config.f0_bins if with_f0 else 0
        self.units = nn.Embedding(config.units, config.unit_width)
        self.f0 = nn.Embedding(self.bins + 1, config.f0_width) if with_f0 else None
        self.speaker = nn.Embedding(len(config.speakers), config.speaker_width) if config.speakers else None
        self.channels = (
            config.unit_width + with_f0 * config.f0_width + bool(config.speakers) * config.speaker_width
        )

    def forward(self, units, f0_hz, speaker):
        """Return (B, C, N)."""
        parts = [self.units(units)]
        if self.f0 is not None:
            parts.append(self.f0(f0_bin(f0_hz, self.bins)))
        if self.speaker is not None:
            parts.append(self.speaker(speaker))
        return torch.cat(parts, dim=-1).transpose(1, 2)


def f0_bin(f0_hz, bins):
    """Return the bin of each F0: 0 if unvoiced, 1..bins by log F0; `audio.pitch.hz_to_bin` for tensors."""
    log_range = torch.log(torch.tensor(CEILING_HZ / FLOOR_HZ))
    position = torch.log(f0_hz.clamp(min=1.0) / FLOOR_HZ) / log_range
    return torch.where(f0_hz > 0, 1 + (position * bins).floor().clamp(0, bins - 1), 0.0).long()


def conv(channels_in, channels_out, kernel, dilation=1):
    """Return a weight-normed convolution that keeps the length."""
    padding = (kernel - 1) // 2 * dilation
    return _normed(nn.Conv1d(channels_in, channels_out, kernel, dilation=dilation, padding=padding))


def upsample(channels_in, channels_out, stride):
    """Return a transposed convolution whose output is exactly stride times as long.

    Length L becomes (L - 1) s - 2 p + k, which is s L for k = s + 2 p. With an odd stride, an even kernel
    cannot do this: stride 5 and kernel 10 would add samples at every use.
    """
    kernel = 2 * stride + stride % 2
    padding = (kernel - stride) // 2
    return _normed(nn.ConvTranspose1d(channels_in, channels_out, kernel, stride, padding))


def _normed(layer):
    """Return the layer with weight norm, or unchanged on the meta device, which is only used for shapes.

    There, weight norm would make torch import its compiler, which takes a second.
    """
    return layer if layer.weight.is_meta else weight_norm(layer)


def in_fp32(layer, x):
    """Apply a layer in fp32, even under autocast: the 8 bits of bf16 are too few for a waveform."""
    if not torch.is_autocast_enabled(x.device.type):
        return layer(x)
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float())


def fold_weight_norm(module):
    """Replace each weight norm in the module by the resulting weight: faster, and simpler to save."""
    for part in module.modules():
        if is_parametrized(part, "weight"):
            remove_parametrizations(part, "weight")
    return module
