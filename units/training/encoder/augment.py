"""Crops changed so that what is learned does not depend on the voice and the room.

Speed resamples the crop, so tempo, pitch and formants move together, and targets are looked up where their
frames came from. Formants stretch the mel filterbank (vocal tract length perturbation, Jaitly & Hinton 2013).
Pitch alone moves what is left of the log spectrum when its envelope, the low part of its cepstrum, is taken
out. Loudness needs no change: spectra are relative to the power of their recording.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from units.audio.timing import HOP, RECEPTIVE_FIELD
from units.encoders import spectrum

_FACTORS = np.exp(np.linspace(-0.4, 0.4, 33))  # of pitch and formants, for which there are matrices; 1 is one
_NOISE_DB = (5.0, 25.0)  # below the crop
_PITCH_SHARE = 0.3  # of crops whose pitch alone is moved: that costs more than all else here
_LIFTER = 32  # samples of the cepstrum that are envelope: 2 ms, less than the period of any voice
_LINES = spectrum.N_FFT // 2 + 1


@dataclass(frozen=True)
class Plan:
    """What is done to one crop: what its tempo, its formants and its pitch are multiplied by."""

    speed: float = 1.0
    formants: float = 1.0
    pitch: float = 1.0

    def source(self, frames, count):
        """Return which of `count` frames, from the crop's first on, each of `frames` shows, or -1."""
        centre = RECEPTIVE_FIELD / 2
        found = np.rint(((np.arange(frames) * HOP + centre) * self.speed - centre) / HOP).astype(np.int64)
        return np.where((found >= 0) & (found < count), found, -1)


def draw(config, random):
    """Return a Plan, drawn from an AugmentConfig."""
    pitch = config.pitch if config.pitch and random.random() < _PITCH_SHARE else 0.0
    sizes = (config.speed, config.formants, pitch)
    return Plan(*(float(np.exp(random.uniform(-1, 1) * np.log1p(size))) for size in sizes))


def tape(samples, speed, count):
    """Return `count` float32 samples of a crop that runs so much faster; silence where it ends."""
    if speed == 1.0:
        return np.pad(samples[:count], (0, max(0, count - len(samples))))
    places = np.arange(count) * speed
    return np.interp(places, np.arange(len(samples)), samples, right=0.0).astype(np.float32)


def noisy(samples, share, random):
    """Return (B, S) crops, that share of them with noise or with another crop added."""
    others, found = random.permutation(len(samples)), samples.copy()
    for row in np.flatnonzero(random.random(len(samples)) < share):
        if random.random() < 0.5:
            added = samples[others[row]]
        else:
            white = random.standard_normal(samples.shape[1], np.float32)
            added = white + np.float32(random.uniform(0, 4)) * (np.roll(white, 1) + np.roll(white, 2))
        gain = 10 ** (-random.uniform(*_NOISE_DB) / 20)
        found[row] += np.float32(gain * _level(samples[row]) / _level(added)) * added
    return found


def _level(samples):
    return np.sqrt(np.mean(np.square(samples))) + 1e-6


def spectra(tapes, plans, frames, network):
    """Return the network's input for crops and their Plans, (B, frames, spectra * bands).

    tapes: (B, S) float32 tensor. As elsewhere spectra are relative to the crop's power and each band's mean
    is taken away.
    """
    device = tapes.device
    power = spectrum.power(torch.nn.functional.pad(tapes, (HOP, HOP)), frames, network.spectra)
    moved = [row for row, plan in enumerate(plans) if plan.pitch != 1]
    if moved:
        power[moved] = moved_pitch(power[moved], [plans[row].pitch for row in moved])
    banks = torch.stack([_bank(network.bands, plan.formants) for plan in plans]).to(device)
    level = tapes.square().mean(dim=1)[:, None, None] + 1e-10
    log = (power @ banks / level + spectrum.FLOOR).log()
    return (log - log.mean(dim=1, keepdim=True)).reshape(len(tapes), frames, -1)


def moved_pitch(power, pitches):
    """Return (B, W, 257) power spectra whose harmonics, not their envelope, are moved by a factor an item."""
    movers = torch.stack([_mover(_nearest(pitch)) for pitch in pitches]).to(power.device)
    return ((power + 1e-10).log() @ movers).exp()


@functools.cache
def _mover(pitch):
    """Return the (257, 257) matrix that does so to log spectra: all its steps are linear."""
    lines = np.arange(_LINES)
    angles = 2 * np.pi / spectrum.N_FFT * np.outer(lines, np.arange(_LIFTER))
    ends = np.where((lines == 0) | (lines == _LINES - 1), 1.0, 2.0) / spectrum.N_FFT  # a real, even spectrum
    cepstrum = ends[:, None] * np.cos(angles)
    envelope = cepstrum * np.where(np.arange(_LIFTER) == 0, 1.0, 2.0) @ np.cos(angles).T
    move = np.maximum(
        0.0, 1 - np.abs(lines / pitch - lines[:, None])
    )  # reads at line / pitch, between two lines
    return torch.tensor(envelope + (np.eye(_LINES) - envelope) @ move, dtype=torch.float32)


def _bank(bands, warp):
    return spectrum.filterbank(bands, _nearest(warp))


def _nearest(factor):
    """One of the few factors that there are matrices for."""
    return float(_FACTORS[np.abs(_FACTORS - factor).argmin()])
