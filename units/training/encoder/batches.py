"""Batches of augmented, masked crops with their targets; each batch depends on its random generator alone."""

import functools
from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT, HOP, RECEPTIVE_FIELD
from units.training.encoder import augment


@dataclass(frozen=True)
class Batch:
    """tapes: (B, S) float32 samples; plans: [Plan]; real, masked: (B, T) bool; targets: (B, T) int64.

    A target is -1 for a frame without one, such as padding.
    """

    tapes: np.ndarray
    plans: list
    real: np.ndarray
    masked: np.ndarray
    targets: np.ndarray


def size(settings, length=None):
    """Return the number of crops in a batch; length: frames of a crop."""
    length = length or round(settings.crop_seconds / FRAME_SHIFT)
    return max(2, round(settings.batch_seconds / (length * FRAME_SHIFT)))


def draw_batch(corpus, targets, settings, random, length=None, augmented=True, rows=slice(None)):
    """Return a Batch of a corpus.

    targets: (frames of the corpus,) int64; settings: PretrainingConfig; length: frames of a crop; rows: the
    slice of the batch that is returned. Crops are prepared for these rows alone, so that processes that share
    a batch share the work.
    """
    length = length or round(settings.crop_seconds / FRAME_SHIFT)
    count = size(settings, length)
    recordings, firsts = corpus.draw_crops(count, length, random)
    plans = [
        augment.draw_plan(settings.augment, random) if augmented else augment.Plan() for _ in range(count)
    ]
    share = settings.augment.noise if augmented else 0.0
    noises = augment.draw_noises(count, share, random)
    samples = (length - 1) * HOP + RECEPTIVE_FIELD

    @functools.cache
    def tape(row):
        first, plan = firsts[row] * HOP, plans[row]
        last = first + int(samples * plan.speed) + 2
        return augment.tape(corpus.samples(recordings[row], first, last), plan.speed, samples)

    labels = np.full((count, length), -1)
    for row, (recording, first, plan) in enumerate(zip(recordings, firsts, plans, strict=True)):
        begin = corpus.first_frames[recording]
        own = targets[begin + first : begin + corpus.frames[recording]]
        source = plan.source(length, len(own))
        labels[row, source >= 0] = own[source[source >= 0]]
    real = labels >= 0
    real[:, 0] = True  # attention needs at least one frame
    masked = mask(real, settings, random)
    tapes = np.stack([augment.noisy(tape, row, noises[row]) for row in range(count)[rows]])
    return Batch(tapes, plans[rows], real[rows], masked[rows], labels[rows])


def mask(real, settings, random):
    """Return which frames the network must predict, (B, T) bool: spans, at least one in each row.

    Spans may overlap (Baevski et al. 2020, section 3.1).
    """
    begins = random.random(real.shape) < settings.mask_share
    begins[np.arange(len(real)), random.integers(0, real.sum(axis=1))] = True
    masked = begins.copy()
    for shift in range(1, settings.mask_length):
        masked[:, shift:] |= begins[:, :-shift]
    return masked & real
