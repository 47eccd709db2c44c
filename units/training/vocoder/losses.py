"""The losses of a generator (spectra, features of the discriminators, adversarial) and of its rivals."""

import torch
from torch import nn
from torch.nn.functional import l1_loss, relu

from units.audio.mel import mel_filters

FLOOR = 1e-5  # of magnitudes before the log; without the log 1% of the bins would dominate the loss
RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))  # FFT size, hop, window in samples


class LogMel(nn.Module):
    """Natural log of 80 mel bands, 64 ms windows every 16 ms: (B, T) to (B, 80, frames)."""

    SIZE, HOP, BANDS = 1024, 256, 80  # samples, samples, bands

    def __init__(self):
        super().__init__()
        filters = torch.as_tensor(mel_filters(self.BANDS, self.SIZE).T.copy(), dtype=torch.float32)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(self.SIZE), persistent=False)

    def forward(self, x):
        """Return (B, 80, frames)."""
        spectrum = torch.stft(x, self.SIZE, self.HOP, window=self.window, return_complex=True)
        return torch.log((self.filters @ spectrum.abs()).clamp(min=FLOOR))


class MultiResolutionStft(nn.Module):
    """Spectral convergence and log-magnitude L1, at one of three resolutions in turn (arXiv 1910.11480).

    All three at every step cost as much as half a generator, and train it no better than one per step.
    """

    def __init__(self):
        super().__init__()
        for i, (_size, _hop, window) in enumerate(RESOLUTIONS):
            self.register_buffer(f"window{i}", torch.hann_window(window), persistent=False)

    def forward(self, made, real, turn, whole=lambda norm: norm):
        """Return the loss of (B, T) against (B, T).

        turn: a number, such as the step's; its remainder selects the resolution. whole: a function from the
        norm of this process's part to the norm over all processes.
        """
        i = turn % len(RESOLUTIONS)
        a, b = (self._magnitudes(x, i) for x in (made, real))
        off, norm = whole(torch.linalg.norm(b - a)), whole(torch.linalg.norm(b))
        convergence = off / norm.clamp(min=FLOOR)
        return convergence + l1_loss(torch.log(a.clamp(min=FLOOR)), torch.log(b.clamp(min=FLOOR)))

    def _magnitudes(self, x, i):
        size, hop, length = RESOLUTIONS[i]
        return torch.stft(x, size, hop, length, getattr(self, f"window{i}"), return_complex=True).abs()


def feature_matching(judged_real, judged_made):
    """Return the mean L1 distance of the discriminators' features, between real and generated audio."""
    pairs = [
        (a, b)
        for (_, real), (_, made) in zip(judged_real, judged_made, strict=True)
        for a, b in zip(real, made, strict=True)
    ]
    return sum(l1_loss(made.float(), real.detach().float()) for real, made in pairs) / len(pairs)


def least_squares(judged_real, judged_made):
    """Return the discriminators' loss (LSGAN, arXiv 1611.04076): the sum of mean (1 - D(x))^2 + D(G)^2."""
    pairs = zip(judged_real, judged_made, strict=True)
    return sum(torch.mean((1 - a.float()) ** 2) + torch.mean(b.float() ** 2) for (a, _), (b, _) in pairs)


def hinge(judged_real, judged_made):
    """Return the discriminators' loss (arXiv 1705.02894): the sum of max(0, 1 - D(x)) + max(0, 1 + D(G))."""
    pairs = zip(judged_real, judged_made, strict=True)
    return sum(relu(1 - a.float()).mean() + relu(1 + b.float()).mean() for (a, _), (b, _) in pairs)


def fool_least_squares(judged_made):
    """Return the generator's loss against `least_squares`: mean (1 - D(G))^2 over discriminators."""
    return sum(torch.mean((1 - score.float()) ** 2) for score, _ in judged_made) / len(judged_made)


def fool_hinge(judged_made):
    """Return the generator's loss against `hinge`, as in Vocos: mean max(0, 1 - D(G)) over discriminators."""
    return sum(relu(1 - score.float()).mean() for score, _ in judged_made) / len(judged_made)


ADVERSARIAL = {"lsgan": (least_squares, fool_least_squares), "hinge": (hinge, fool_hinge)}
