"""Predict the duration of each unit and the F0 of each frame: small convolutional networks."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

WIDTH, KERNEL = 96, 5
DILATIONS = (1, 2, 4, 8, 16, 32)  # a melody spans a phrase
MARGIN = KERNEL // 2 * sum(DILATIONS)  # units on either side that a prediction depends on


class _Context(nn.Module):
    """Units (B, N) and speaker (B, N) to (B, WIDTH, N), each seeing MARGIN on either side."""

    def __init__(self, config):
        super().__init__()
        self.units = nn.Embedding(config.units, WIDTH)
        self.speaker = nn.Embedding(max(1, len(config.speakers)), WIDTH)
        self.convs = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2 * step, dilation=step) for step in DILATIONS
        )
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in DILATIONS)

    def forward(self, units, speaker):
        x = self.units(units) + self.speaker(speaker)
        for layer, norm in zip(self.convs, self.norms, strict=True):
            x = x + torch.relu(layer(norm(x).transpose(1, 2))).transpose(1, 2)
        return x


class F0Predictor(nn.Module):
    """Units, one per frame, to voicing and log F0, relative to the speaker's mean and standard deviation."""

    def __init__(self, config):
        super().__init__()
        self.context = _Context(config)
        self.out = nn.Linear(WIDTH, 2)
        self.register_buffer("mean", torch.tensor(config.f0_mean), persistent=False)
        self.register_buffer("sd", torch.tensor(config.f0_sd), persistent=False)

    def forward(self, units, speaker):
        """Return voicing logits and normalised log F0 of (B, N) units, each (B, N)."""
        return self.out(self.context(units, speaker)).unbind(-1)

    def loss(self, units, speaker, f0_hz):
        """Return cross-entropy of voicing plus L1 of the log F0 of voiced frames."""
        voicing, log_f0 = self(units, speaker)
        voiced = f0_hz > 0
        wanted = (torch.log(f0_hz.clamp(min=1.0)) - self.mean[speaker]) / self.sd[speaker]
        pitch = l1_loss(log_f0[voiced], wanted[voiced]) if voiced.any() else 0.0
        return binary_cross_entropy_with_logits(voicing, voiced.float()) + pitch

    def predict(self, units, speaker):
        """Return F0 in Hz, (B, N), 0 where unvoiced."""
        voicing, log_f0 = self(units, speaker)
        f0_hz = torch.exp(log_f0.clamp(-3, 3) * self.sd[speaker] + self.mean[speaker])
        return torch.where(voicing > 0, f0_hz, 0.0)


class DurationPredictor(nn.Module):
    """Collapsed units (B, N) to the length of each run in frames, (B, N)."""

    def __init__(self, config):
        super().__init__()
        self.context = _Context(config)
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, units, speaker):
        """Return the log of the predicted number of frames, (B, N)."""
        return self.out(self.context(units, speaker))[..., 0]

    def loss(self, units, speaker, counts):
        """Return the L1 distance of the log of the counts, so that the median is learned."""
        return l1_loss(self(units, speaker), torch.log(counts.float()))

    def predict(self, units, speaker):
        """Return whole frames, at least one, (B, N)."""
        return torch.exp(self(units, speaker).clamp(0, 5)).round().long().clamp(min=1)
