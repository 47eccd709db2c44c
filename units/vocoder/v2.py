"""V2: units and F0 to waveform, the generator of HiFi-GAN (Kong et al. 2020, arXiv 2010.05646)."""

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from units.vocoder.layers import RATES, SLOPE, Conditions, conv, in_fp32, upsample

KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)


class ResidualBlock(nn.Module):
    """Three pairs of convolutions with the same kernel size, the first of each pair dilated: (B, C, T) to (B,
    C, T)."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.dilated = nn.ModuleList(conv(channels, channels, kernel, d) for d in DILATIONS)
        self.plain = nn.ModuleList(conv(channels, channels, kernel) for _ in DILATIONS)

    def forward(self, x):
        """Return (B, C, T)."""
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            x = x + plain(leaky_relu(dilated(leaky_relu(x, SLOPE)), SLOPE))
        return x


class ReceptiveFieldFusion(nn.Module):
    """Multi-receptive-field fusion: the mean of residual blocks with several kernel sizes."""

    def __init__(self, channels):
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(channels, kernel) for kernel in KERNELS)

    def forward(self, x):
        """Return (B, C, T)."""
        total = self.blocks[0](x)
        for block in self.blocks[1:]:
            total = total + block(x)
        return total / len(self.blocks)


class GeneratorV2(nn.Module):
    """Units (B, N), F0 (B, N) Hz and speaker (B, N) to waveform (B, 320 N)."""

    margin = 24  # frames on either side that the sound depends on

    def __init__(self, config):
        super().__init__()
        self.conditions = Conditions(config, with_f0=True)
        widths = [config.width // 2**i for i in range(len(RATES) + 1)]
        self.first = conv(self.conditions.channels, config.width, 7)
        self.ups = nn.ModuleList(upsample(widths[i], widths[i + 1], rate) for i, rate in enumerate(RATES))
        self.fusions = nn.ModuleList(ReceptiveFieldFusion(width) for width in widths[1:])
        self.last = conv(widths[-1], 1, 7)

    def forward(self, units, f0_hz, speaker, _place=None):
        """Return (B, 320 N) in -1..1."""
        x = self.first(self.conditions(units, f0_hz, speaker))
        for up, fusion in zip(self.ups, self.fusions, strict=True):
            x = fusion(up(leaky_relu(x, SLOPE)))
        return torch.tanh(in_fp32(self.last, leaky_relu(x, SLOPE)))[:, 0]
