"""Discriminators that judge spectrograms: multi-resolution (UnivNet, Jang et al. 2021, arXiv 2106.07889).

Three short-time spectra with a hop of a quarter of the window, as in Vocos (arXiv 2306.00814): half the
frames of UnivNet's, and a third of the time. Magnitudes are raised to the power 0.3, so that quiet parts
count too.
"""

import itertools

import torch
from torch import nn
from torch.nn.functional import leaky_relu
from torch.nn.utils.parametrizations import weight_norm

from units.vocoder.layers import SLOPE

WINDOWS = (512, 1024, 2048)  # samples, and bins of the FFT
_POWER, _SILENCE = 0.3, 1e-7  # exponent of magnitudes; added to their squares
_LAYERS = 4  # with long kernels along frequency; each after the first halves it


class ResolutionDiscriminator(nn.Module):
    """Judges the compressed magnitudes of one short-time spectrum, as an image."""

    def __init__(self, window, channels):
        super().__init__()
        self.hop = window // 4
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        widths = [1] + [channels] * _LAYERS
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (9, 3), (1 if a == 1 else 2, 1), (4, 1)))
            for a, b in itertools.pairwise(widths)
        )
        self.layers.append(weight_norm(nn.Conv2d(channels, channels, 3, padding=1)))
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x):
        """Return the score and the features of (B, T)."""
        spectrum = torch.stft(
            x, len(self.window), self.hop, window=self.window, pad_mode="constant", return_complex=True
        )
        x = (spectrum.real.square() + spectrum.imag.square() + _SILENCE).pow(_POWER / 2)[:, None]
        features = []
        for layer in self.layers:
            x = leaky_relu(layer(x), SLOPE)
            features.append(x)
        return self.last(x).flatten(1), features


class MultiResolution(nn.Module):
    """One ResolutionDiscriminator per window; a width of 0.5 gives UnivNet's channels."""

    def __init__(self, width=1.0):
        super().__init__()
        channels = max(4, round(64 * width))
        self.parts = nn.ModuleList(ResolutionDiscriminator(window, channels) for window in WINDOWS)

    def forward(self, x):
        """Return [(score, features)] of (B, T)."""
        return [part(x) for part in self.parts]
