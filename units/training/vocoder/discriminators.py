"""Discriminators of HiFi-GAN: multi-period and multi-scale (Kong et al. 2020, arXiv 2010.05646).

Each returns a list of (score, features) for a waveform (B, T): one pair per period, scale or resolution.
"""

import itertools

from torch import nn
from torch.nn.functional import avg_pool1d, leaky_relu, pad
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from units.devices import is_wrong_in_bf16
from units.training.vocoder.spectrum_discriminators import MultiResolution
from units.vocoder.layers import SLOPE, in_fp32

PERIODS = (2, 3, 5, 7, 11)
SCALES = 3


class PeriodDiscriminator(nn.Module):
    """Judges every `period`-th sample, as an image of period columns."""

    def __init__(self, period, width):
        super().__init__()
        self.period = period
        channels = [1] + [max(4, round(c * width)) for c in (32, 128, 512, 1024)]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in itertools.pairwise(channels)
        )
        self.layers.append(weight_norm(nn.Conv2d(channels[-1], channels[-1], (5, 1), padding=(2, 0))))
        self.last = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, x):
        """Return the score and the features of (B, T)."""
        x = pad(x[:, None], (0, -x.shape[-1] % self.period), "reflect")
        return _judge(x.unflatten(-1, (-1, self.period)), self.layers, self.last)


class ScaleDiscriminator(nn.Module):
    """Judges the waveform by grouped convolutions with long kernels."""

    def __init__(self, norm, width):
        super().__init__()
        c = [max(16, round(n * width / 16) * 16) for n in (128, 128, 256, 512, 1024, 1024, 1024)]
        shapes = [
            (1, c[0], 15, 1, 1),
            (c[0], c[1], 41, 2, 4),
            (c[1], c[2], 41, 2, 16),
            (c[2], c[3], 41, 4, 16),
        ]
        shapes += [(c[3], c[4], 41, 4, 16), (c[4], c[5], 41, 1, 16), (c[5], c[6], 5, 1, 1)]
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(i, o, kernel, stride, kernel // 2, groups=groups))
            for i, o, kernel, stride, groups in shapes
        )
        self.last = norm(nn.Conv1d(c[6], 1, 3, padding=1))

    def forward(self, x):
        """Return the score and the features of (B, 1, T)."""
        return _judge(x, self.layers, self.last)


def _judge(x, layers, last):
    features = []
    for layer in layers:
        wrong = x.device.type == "cpu" and is_wrong_in_bf16(layer)
        x = leaky_relu(in_fp32(layer, x) if wrong else layer(x), SLOPE)
        features.append(x)
    return last(x).flatten(1), features


class MultiPeriod(nn.Module):
    """One PeriodDiscriminator for each of the periods 2, 3, 5, 7, 11."""

    def __init__(self, width=1.0):
        super().__init__()
        self.parts = nn.ModuleList(PeriodDiscriminator(period, width) for period in PERIODS)

    def forward(self, x):
        """Return [(score, features)] of (B, T)."""
        return [part(x) for part in self.parts]


class MultiScale(nn.Module):
    """One ScaleDiscriminator at full, half and quarter rate; spectral norm on the first."""

    def __init__(self, width=1.0):
        super().__init__()
        self.parts = nn.ModuleList(
            ScaleDiscriminator(weight_norm if i else spectral_norm, width) for i in range(SCALES)
        )

    def forward(self, x):
        """Return [(score, features)] of (B, T)."""
        judged, x = [], x[:, None]
        for i, part in enumerate(self.parts):
            x = avg_pool1d(x, 4, 2, padding=2) if i else x
            judged.append(part(x))
        return judged


JUDGES = {"mpd": MultiPeriod, "msd": MultiScale, "mrd": MultiResolution}


class Discriminators(nn.Module):
    """Several judges together. names: keys of JUDGES joined by a plus, as in "mpd+mrd"."""

    def __init__(self, names, width=1.0):
        super().__init__()
        self.judges = nn.ModuleList(JUDGES[name](width) for name in names.split("+"))

    def forward(self, x):
        """Return [(score, features)] of (B, T) from every judge."""
        return [pair for judge in self.judges for pair in judge(x)]
