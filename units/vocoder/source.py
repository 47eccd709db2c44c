"""The two sources that are filtered into a voice: pulses at F0, and noise.

F0 belongs to the centre of each frame and is linear in between, so the phase is a sum of trapezoids: exact,
and computable for any part of a recording without the rest.
"""

import math

import numpy as np
import torch

from units.audio.timing import FRAME_SHIFT, HOP, RATE, RECEPTIVE_FIELD

_CENTRE = RECEPTIVE_FIELD // 2  # sample of a frame that its F0 belongs to
_DEFAULT_HZ = 120.0  # if nothing is voiced
_NOISE_FRAMES = 4096  # period of the noise: 82 s


def contour(f0_hz):
    """Return F0 with its gaps filled, Hz, and the phase at each frame's centre, cycles in 0..1; float64.

    f0_hz: (..., N) tensor, 0 if unvoiced; gaps are interpolated linearly. Everything is computed on the
    device of f0_hz, without waiting for it.
    """
    f0_hz = f0_hz.double()
    last = f0_hz.shape[-1] - 1
    frame, voiced = torch.arange(last + 1, device=f0_hz.device), f0_hz > 0
    before = torch.where(voiced, frame, -1).cummax(-1).values
    after = torch.where(voiced, frame, last + 1).flip(-1).cummin(-1).values.flip(-1)
    left = torch.where(before < 0, after, before).clamp(max=last)
    right = torch.where(after > last, before, after).clamp(min=0)
    start, end = f0_hz.gather(-1, left), f0_hz.gather(-1, right)
    filled = start + (end - start) * (frame - left) / (right - left).clamp(min=1)
    filled = torch.where(voiced.any(-1, keepdim=True), filled, _DEFAULT_HZ)
    steps = FRAME_SHIFT * (filled[..., 1:] + filled[..., :-1]) / 2
    return filled, torch.nn.functional.pad(steps.cumsum(-1), (1, 0)) % 1.0


def pulses(f0_hz, cycles, voiced):
    """Return pulses at F0, (B, 320 N), with power 1 in voiced frames and no partial above 8 kHz.

    f0_hz, cycles: (B, N) as `contour` returns them; voiced: (B, N) bool. Their partials are cosines of one
    amplitude (Stilson & Smith 1996, Alias-free digital synthesis of classic analog waveforms).
    """
    count = f0_hz.shape[1]
    # a row is the samples from the centre of a frame to the next centre
    row = torch.arange(-1, count, device=f0_hz.device)
    left = row.clamp(0, max(count - 2, 0))
    right = (left + 1).clamp(max=count - 1)
    # computed from whole samples, to be exact
    seconds = ((row - left)[:, None] * HOP + torch.arange(HOP, device=row.device)) / RATE
    start = f0_hz[:, left, None]
    slope = (f0_hz[:, right, None] - start) / FRAME_SHIFT
    phase = cycles[:, left, None] + start * seconds + slope * seconds.square() / 2
    hz = (start + slope * seconds).clamp(min=20.0)
    partials = (RATE / 2 / hz - 1e-3).floor()  # slightly less: otherwise rounding decides if hz divides 8000
    half = math.pi * (phase - phase.round())  # -pi/2 .. pi/2
    sine = torch.sin(half)
    ratio = torch.where(sine.abs() < 1e-4, 2 * partials + 1, torch.sin((2 * partials + 1) * half) / sine)
    power = (ratio - 1) / (2 * partials).sqrt()
    nearest = torch.stack([row, row + 1], dim=1).clamp(0, count - 1)
    power = power.unflatten(2, (2, HOP // 2)) * voiced[:, nearest, None]
    return power.flatten(1)[:, HOP - _CENTRE :][:, : HOP * count]


class Noise(torch.nn.Module):
    """White noise of power 1 that depends only on the number of the frame."""

    def __init__(self):
        super().__init__()
        table = np.random.default_rng(0).standard_normal((_NOISE_FRAMES, HOP)).astype(np.float32)
        self.register_buffer("table", torch.from_numpy(table), persistent=False)

    def forward(self, first, count):
        """Return (B, 320 count), beginning at the frames `first`, (B,) int64."""
        frames = (first[:, None] + torch.arange(count, device=first.device)) % _NOISE_FRAMES
        return self.table[frames].flatten(1)
