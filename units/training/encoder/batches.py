"""Batches of augmented, masked crops with their targets; each batch depends on its random generator alone."""

import functools
from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT, HOP, RECEPTIVE_FIELD
from units.training.encoder import augment


@dataclass(frozen=True)
class Batch:
    """tapes: (B, S) float32 samples; plans: [Plan]; real, masked: (B, T) bool; targets, labels: (B, T) int64.

    clean: the tapes without noise. A target or label is -1 for a frame without one, such as padding.
    """

    tapes: np.ndarray
    clean: np.ndarray
    plans: list
    real: np.ndarray
    masked: np.ndarray
    targets: np.ndarray
    labels: np.ndarray


def size(settings, length=None):
    """Return the number of crops in a batch; length: frames of a crop."""
    length = length or round(settings.crop_seconds / FRAME_SHIFT)
    return max(2, round(settings.batch_seconds / (length * FRAME_SHIFT)))


def draw_batch(corpus, targets, settings, random, length=None, augmented=True, rows=slice(None)):
    """Return a Batch of a corpus.

    targets: (frames of the corpus,) int64, or None; settings: PretrainingConfig; length: frames of a crop;
    rows: the slice of the batch that is returned. Crops are prepared for these rows alone, so that processes
    that share a batch share the work.
    """
    length = length or round(settings.crop_seconds / FRAME_SHIFT)
    places = corpus.draw_crops(size(settings, length), length, random)
    return _batch(corpus, targets, places, length, settings, random, augmented, rows)[0]


@dataclass(frozen=True)
class Views:
    """Two Batches of the same speech, and the (N, 2) numbers of the frames of each that belong together."""

    first: Batch
    second: Batch
    partners: np.ndarray


def draw_views(corpus, settings, random, augmented=True, rows=slice(None), pairs=None):
    """Return Views of a corpus: crops that are changed in two ways; the arguments are those of `draw_batch`.

    pairs: Pairs or None; if given, half of the rows show two occurrences of a term.
    """
    length = round(settings.crop_seconds / FRAME_SHIFT)
    count = size(settings, length)
    places = corpus.draw_crops(count, length, random)
    others, paths = places, [None] * count
    if pairs:
        chosen = random.random(count) < 0.5
        places, others, paths = pairs.draw(corpus, places, chosen, length, random)
    made = [
        _batch(corpus, None, each, length, settings, random, augmented, rows) for each in (places, others)
    ]
    found = []
    for row, path in enumerate(paths[rows]):
        sources = [source[rows][row] for _, source in made]
        found.append(_partners(*sources, path) + row * length)
    return Views(made[0][0], made[1][0], np.concatenate(found))


def _partners(first, second, path):
    """Return (N, 2) frames of two crops that belong together.

    first, second: (T,) the frame of the recording that each frame of a crop shows, -1 for none; path: (P, 2)
    frames of the two recordings that belong together, or None if they are the same recording.
    """
    frames = np.flatnonzero(first >= 0)
    wanted = first[frames]
    if path is not None:
        at = np.minimum(np.searchsorted(path[:, 0], wanted), len(path) - 1)
        frames, at = frames[path[at, 0] == wanted], at[path[at, 0] == wanted]
        wanted = path[at, 1]
    there = np.flatnonzero(second >= 0)
    at = np.minimum(np.searchsorted(second[there], wanted), len(there) - 1)
    same = second[there[at]] == wanted
    return np.stack([frames[same], there[at][same]], axis=1)


def _batch(corpus, targets, places, length, settings, random, augmented, rows):
    """Return a Batch of crops at places, and the (B, T) frame of its recording that each frame shows."""
    recordings, firsts = places
    count = len(recordings)
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

    sources, wanted = np.full((count, length), -1), np.full((2, count, length), -1)
    for row, (recording, first, plan) in enumerate(zip(recordings, firsts, plans, strict=True)):
        source = plan.source(length, corpus.frames[recording] - first)
        sources[row] = np.where(source >= 0, source + first, -1)
        for kind, values in enumerate((targets, corpus.labels)):
            if values is not None:
                shown = corpus.first_frames[recording] + sources[row, source >= 0]
                wanted[kind, row, source >= 0] = values[shown]
    real = sources >= 0
    real[:, 0] = True  # attention needs at least one frame
    masked = mask(real, settings, random)
    own = range(count)[rows]
    tapes = np.stack([augment.noisy(tape, row, noises[row]) for row in own])
    clean = np.stack([tape(row) for row in own])
    return Batch(tapes, clean, plans[rows], real[rows], masked[rows], *wanted[:, rows]), sources


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
