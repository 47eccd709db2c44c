"""V1: units alone to waveform, by transposed convolutions, each followed by a short residual stack."""

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from units.vocoder.layers import RATES, SLOPE, Conditions, conv, in_fp32, upsample


class ResidualStack(nn.Module):
    """Two dilated convolutions, each added to its input: (B, C, T) to (B, C, T)."""

    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList(conv(channels, channels, 3, dilation) for dilation in (1, 3))

    def forward(self, x):
        """Return (B, C, T)."""
        for layer in self.convs:
            x = x + layer(leaky_relu(x, SLOPE))
        return x


class GeneratorV1(nn.Module):
    """Units (B, N) to waveform (B, 320 N); F0 is accepted but ignored."""

    margin = 8  # frames on either side that the sound depends on

    def __init__(self, config):
        super().__init__()
        self.conditions = Conditions(config, with_f0=False)
        widths = [config.width // 2**i for i in range(len(RATES) + 1)]
        self.first = conv(self.conditions.channels, config.width, 7)
        self.ups = nn.ModuleList(upsample(widths[i], widths[i + 1], rate) for i, rate in enumerate(RATES))
        self.stacks = nn.ModuleList(ResidualStack(width) for width in widths[1:])
        self.last = conv(widths[-1], 1, 7)

    def forward(self, units, f0_hz, speaker, _place=None):
        """Return (B, 320 N) in -1..1."""
        x = self.first(self.conditions(units, f0_hz, speaker))
        for up, stack in zip(self.ups, self.stacks, strict=True):
            x = stack(up(leaky_relu(x, SLOPE)))
        return torch.tanh(in_fp32(self.last, leaky_relu(x, SLOPE)))[:, 0]
