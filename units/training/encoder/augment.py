"""Change crops so that the encoder learns sounds and neither the voice nor the room.

Speed resamples the crop, so tempo, pitch and formants change together; each target moves with its frame.
Formants stretch the mel filterbank (vocal tract length perturbation, Jaitly & Hinton 2013). Pitch alone
shifts the harmonics of the log spectrum: the rest of it without the envelope, the low part of the cepstrum.
Loudness needs no change: spectra are relative to the power of their recording.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch

from units.audio.timing import HOP, RECEPTIVE_FIELD
from units.devices import upload
from units.encoders import spectrum

_FACTORS = np.exp(np.linspace(-0.4, 0.4, 33))  # of pitch and formants, one matrix each; 1 is among them
_NOISE_DB = (5.0, 25.0)  # below the crop, dB
_PITCH_SHARE = 0.3  # of crops get another pitch: it costs more than everything else here
_LIFTER = 32  # samples of the cepstrum that make the envelope: 2 ms, shorter than the period of any voice
_LINES = spectrum.N_FFT // 2 + 1


@dataclass(frozen=True)
class Plan:
    """The changes of one crop: factors on its speed, its formants and its pitch."""

    speed: float = 1.0
    formants: float = 1.0
    pitch: float = 1.0

    def source(self, frames, count):
        """Return (frames,) int64: the original frame, below `count`, that each frame shows, or -1."""
        centre = RECEPTIVE_FIELD / 2
        found = np.rint(((np.arange(frames) * HOP + centre) * self.speed - centre) / HOP).astype(np.int64)
        return np.where((found >= 0) & (found < count), found, -1)


def draw_plan(config, random):
    """Return a random Plan within the limits of an AugmentConfig."""
    pitch = config.pitch if config.pitch and random.random() < _PITCH_SHARE else 0.0
    sizes = (config.speed, config.formants, pitch)
    return Plan(*(float(np.exp(random.uniform(-1, 1) * np.log1p(size))) for size in sizes))


def tape(samples, speed, count):
    """Return `count` float32 samples of a crop played at another speed, padded with silence."""
    if speed == 1.0:
        return np.pad(samples[:count], (0, max(0, count - len(samples))))
    places = np.arange(count) * speed
    return np.interp(places, np.arange(len(samples)), samples, right=0.0).astype(np.float32)


@dataclass(frozen=True)
class AddedNoise:
    """The addition to a crop: noise of a seed and a colour or, if `other` is a row, that row's crop."""

    gain: float
    seed: int = 0
    colour: float = 0.0  # 0 is white; the larger, the more of low frequencies
    other: int | None = None


def draw_noises(count, share, random):
    """Return the AddedNoise of each row of a batch, or None; share: how many rows get one."""
    others, found = random.permutation(count), [None] * count
    for row in np.flatnonzero(random.random(count) < share):
        gain = 10 ** (-random.uniform(*_NOISE_DB) / 20)
        if random.random() < 0.5:
            found[row] = AddedNoise(gain, other=int(others[row]))
        else:
            found[row] = AddedNoise(gain, int(random.integers(1 << 62)), random.uniform(0, 4))
    return found


def noisy(crop, row, noise):
    """Return a row's crop, (S,) float32, with its AddedNoise. crop(row): the crop of any row."""
    samples = crop(row)
    if noise is None:
        return samples
    if noise.other is not None:
        added = crop(noise.other)
    else:
        white = np.random.default_rng(noise.seed).standard_normal(len(samples), np.float32)
        added = white + np.float32(noise.colour) * (np.roll(white, 1) + np.roll(white, 2))
    return samples + np.float32(noise.gain * _level(samples) / _level(added)) * added


def _level(samples):
    return np.sqrt(np.mean(np.square(samples))) + 1e-6


def spectra(tapes, plans, frames, network):
    """Return the network's input for crops and their Plans, (B, frames, spectra * bands).

    tapes: (B, S) float32 tensor. As in encoding, spectra are relative to the crop's power, and the mean of
    each band is subtracted.
    """
    device = tapes.device
    power = spectrum.power(torch.nn.functional.pad(tapes, (HOP, HOP)), frames, network.spectra)
    moved = [row for row, plan in enumerate(plans) if plan.pitch != 1]
    if moved:
        rows = upload(np.array(moved), device)
        power = power.index_copy(0, rows, moved_pitch(power[rows], [plans[row].pitch for row in moved]))
    banks = upload(torch.stack([_bank(network.bands, plan.formants) for plan in plans]), device)
    level = tapes.square().mean(dim=1)[:, None, None] + 1e-10
    log = (power @ banks / level + spectrum.FLOOR).log()
    return (log - log.mean(dim=1, keepdim=True)).reshape(len(tapes), frames, -1)


def moved_pitch(power, pitches):
    """Return (B, W, 257) power spectra, harmonics shifted by a factor per crop under the same envelope."""
    movers = upload(torch.stack([_mover(_nearest(pitch)) for pitch in pitches]), power.device)
    return ((power + 1e-10).log() @ movers).exp()


@functools.cache
def _mover(pitch):
    """Return the (257, 257) matrix that shifts the harmonics of log spectra: all steps are linear."""
    lines = np.arange(_LINES)
    angles = 2 * np.pi / spectrum.N_FFT * np.outer(lines, np.arange(_LIFTER))
    ends = np.where((lines == 0) | (lines == _LINES - 1), 1.0, 2.0) / spectrum.N_FFT  # a real, even spectrum
    cepstrum = ends[:, None] * np.cos(angles)
    envelope = cepstrum * np.where(np.arange(_LIFTER) == 0, 1.0, 2.0) @ np.cos(angles).T
    move = np.maximum(0.0, 1 - np.abs(lines / pitch - lines[:, None]))  # interpolate at line / pitch
    return torch.tensor(envelope + (np.eye(_LINES) - envelope) @ move, dtype=torch.float32)


def _bank(bands, warp):
    return spectrum.filterbank(bands, _nearest(warp))


def _nearest(factor):
    """Return the nearest of the factors that have a matrix."""
    return float(_FACTORS[np.abs(_FACTORS - factor).argmin()])
