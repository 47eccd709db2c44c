#!/usr/bin/env python3
"""What a second, small codebook carries that the first one loses: tone, speaker, F0 and loudness.

    bench/residual.py [--every 1] [--sizes 8,16,32,64] FOLDER...

FOLDER: as in bench/units.py. The first codebook has 100 units of z-scored frames of the last layer of `small`.
The second one has K2 units of residuals: frames of a layer minus their mean over all frames of the same first
unit. "runs": residuals are averaged over each run of equal units; "0.5 s": over pieces of half a second;
"frames": there is one second unit per frame; "whole": frames themselves in place of residuals.

The units predict the properties of frames by logistic regression (tone, speaker: information in bits, and
percentage of frames that are right) or ridge regression (F0, loudness: R2), scored on recordings that the
regression has not seen (five folds), so that more units do not score higher by chance. ± is the standard
error of the difference from "unit", over recordings. "shuffled": the second units are exchanged at random
between the frames of one unit. Tone is that of vowels that occur with and without an acute accent; the base
vowel is always given. F0 is in octaves from the speaker's centre, modulo one octave; loudness is in dB from
the recording's mean. "itself" is not quantised. Prints Markdown tables.
"""

import argparse
import os
import sys
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np
from residual_data import gather

from units.audio.timing import FRAME_SHIFT
from units.codebook.kmeans import fit_codebook
from units.codebook.quantize import quantize
from units.codebook.runs import run_starts
from units.config import ClusterConfig

FIRST, LARGER, FOLDS, RIDGE = 100, 400, 5, 3.0
THIN = 3  # of the frames of speech, every third is used for F0, loudness and speaker: neighbours are similar


def cluster(points, size, seed=0):
    """Return the unit of each point in a codebook of them, (N,)."""
    book, _ = fit_codebook(np.array(points, np.float32), ClusterConfig(k=size, nredo=2), seed)
    return quantize(points, book)


def pieces_in(corpus, frames):
    """Return the first frame of each piece of that many frames; no piece leaves its recording."""
    firsts = run_starts(corpus.recording)
    counts = np.diff(firsts, append=len(corpus.recording))
    place = np.arange(len(corpus.recording)) - np.repeat(firsts, counts)
    return np.flatnonzero(place % frames == 0)


def averaged(points, starts):
    """Return the mean of the points over each run, (R, D)."""
    lengths = np.diff(starts, append=len(points))
    return np.add.reduceat(points, starts, axis=0) / lengths[:, None].astype(np.float32)


def centred(points, group):
    """Return the points minus the mean of their group."""
    means = np.stack([points[group == number].mean(axis=0) for number in range(group.max() + 1)])
    return points - means[group]


def pitch_itself(corpus):
    """Return log F0, its slope and whether there is F0, (N, 3)."""
    columns = [corpus.octaves, np.gradient(corpus.octaves), np.isfinite(corpus.octaves)]
    return np.nan_to_num(np.stack(columns, axis=1)).astype(np.float32)


def pitch_units(corpus, starts, size):
    """Return a unit of log F0 and its slope per run, (R,): of means over voiced frames; 0 if it has none."""
    sums = averaged(pitch_itself(corpus), starts)
    heard = sums[:, 2] > 0
    units = np.zeros(len(starts), np.int64)
    units[heard] = 1 + cluster(sums[heard, :2] / sums[heard, 2:], size - 1)
    return units


def variants(corpus, units):
    """Yield (what it is called, function from K2 to the second unit of each frame)."""
    runs = run_starts(corpus.recording * FIRST + units)
    lengths = np.diff(runs, append=len(units))

    def pooled(points, starts=runs):
        counts = np.diff(starts, append=len(points))
        return lambda size: np.repeat(cluster(averaged(points, starts), size), counts)

    last = max(corpus.layers)
    left = {layer: centred(frames, units) for layer, frames in corpus.layers.items()}
    yield f"layer {last}, runs", pooled(left[last])
    yield f"layer {last}, frames", lambda size: cluster(left[last], size)
    if corpus.speaker.any():
        yield f"layer {last}, runs, minus speaker", pooled(centred(left[last], corpus.speaker))
    for layer in (3, 1, 0):
        yield f"layer {layer}, runs", pooled(left[layer])
    for layer in (last, 0):
        yield f"layer {layer}, 0.5 s", pooled(left[layer], pieces_in(corpus, 25))
    for layer in (2, 0):
        yield f"whole layer {layer}, runs", pooled(corpus.layers[layer])
    yield "log F0 and slope, runs", lambda size: np.repeat(pitch_units(corpus, runs, size), lengths)


def one_hot(units):
    """Return the (N, K) indicators of some units."""
    _, index = np.unique(units, return_inverse=True)
    return np.eye(index.max() + 1, dtype=np.float32)[index]


def held_out(target, columns, recording, binary):
    """Return the prediction of each target by a regression that has not seen its recording, (N,).

    columns: (N, C). If the target is binary, predictions are probabilities.
    """
    columns = np.concatenate([np.ones((len(columns), 1), np.float32), columns], axis=1)
    found = np.empty(len(target))
    for fold in range(FOLDS):
        away = recording % FOLDS == fold
        fitted = logistic if binary else linear
        found[away] = columns[away] @ fitted(columns[~away], target[~away])
    return 1 / (1 + np.exp(-found)) if binary else found


def linear(columns, target):
    """Return the weights of a ridge regression."""
    return np.linalg.solve(columns.T @ columns + RIDGE * np.eye(columns.shape[1]), columns.T @ target)


def logistic(columns, target):
    """Return the weights of a logistic regression with the same penalty, by Newton's method."""
    weights = np.zeros(columns.shape[1])
    for _ in range(8):
        share = 1 / (1 + np.exp(-(columns @ weights)))
        slope = columns.T @ (share - target) + RIDGE * weights
        curve = (columns * (share * (1 - share))[:, None]).T @ columns + RIDGE * np.eye(len(weights))
        weights = weights - np.linalg.solve(curve, slope)
    return weights


class Question:
    """A property of frames, and how well units predict it.

    target: (M,), of the frames `rows`; given: (M, C), codes known in any case; binary: two classes.
    """

    def __init__(self, corpus, rows, target, given=None, binary=False):
        self.rows, self.target, self.binary = rows, target, binary
        self.given = np.ones((len(rows), 0), np.float32) if given is None else given
        self.recording = corpus.recording[rows]
        self.base = self._loss(held_out(target, self.given, self.recording, True)) if binary else 1.0
        self.unit = None  # the gain of the first unit

    def _loss(self, found):
        """Return the loss of each prediction: cross entropy in bits, or squared error / variance."""
        if not self.binary:
            return np.square(found - self.target) / self.target.var()
        return -np.log2(np.maximum(np.where(self.target, found, 1 - found), 1e-6))

    def cells(self, known):
        """Return the scores as text: the mean gain with its ±, and the accuracy of a binary target.

        known: (N,) units or (N, C) columns.
        """
        columns = [one_hot(k[self.rows]) if k.ndim == 1 else k[self.rows] for k in known]
        found = held_out(self.target, np.hstack([self.given, *columns]), self.recording, self.binary)
        gain = self.base - self._loss(found)
        self.unit = gain if self.unit is None else self.unit
        change = gain - self.unit
        error = np.sqrt(np.square(np.bincount(self.recording, change - change.mean())).sum()) / len(gain)
        cells = [f"{gain.mean():.3f}" + (f" ±{error:.3f}" if error else "")]
        return [*cells, f"{100 * ((found > 0.5) == self.target).mean():.1f}"] if self.binary else cells


def questions(corpus):
    """Return {property: Question}."""
    parts = [unicodedata.normalize("NFD", label) for label in corpus.label]
    base, high = np.array([p[:1] for p in parts]), np.array(["\u0301" in p for p in parts])
    both = set(base[high]) & set(base[(corpus.label != "") & ~high])
    vowels = np.flatnonzero(np.isin(base, sorted(both)))
    speech = np.flatnonzero(corpus.label != "")[::THIN]
    voiced = speech[np.isfinite(corpus.octaves[speech])]
    asked = {}
    if len(vowels):
        asked["tone"] = Question(corpus, vowels, high[vowels], one_hot(base[vowels]), True)
    if corpus.speaker.any():
        asked["speaker"] = Question(corpus, speech, corpus.speaker[speech] > 0, binary=True)
    asked["F0"] = Question(corpus, voiced, corpus.octaves[voiced])
    asked["loudness"] = Question(corpus, speech, corpus.level_db[speech])
    return asked


def shuffled(seconds, units):
    """Return second units exchanged at random between the frames of one unit."""
    random, found = np.random.default_rng(0), seconds.copy()
    for unit in range(FIRST):
        rows = np.flatnonzero(units == unit)
        found[rows] = seconds[random.permutation(rows)]
    return found


def compare(corpus, sizes):
    """Print the table of a corpus."""

    def show(name, size, *known):
        cells = [cell for question in asked.values() for cell in question.cells(known)]
        print(f"| {name} | {size} | {' | '.join(cells)} |", flush=True)

    last = corpus.layers[max(corpus.layers)]
    units, asked = cluster(last, FIRST), questions(corpus)
    heads = [f"{name}, bits | %" if q.binary else f"{name}, R2" for name, q in asked.items()]
    print(f"| known | K2 | {' | '.join(heads)} |\n|---|---|{'---|' * (1 + ' | '.join(heads).count('|'))}")
    show("unit", "", units)
    show("nothing", "", np.zeros((len(units), 1), np.float32))
    show(f"unit of {LARGER}", "", cluster(last, LARGER))
    show("unit, layer 5 itself", "", units, last)
    show("unit, F0 itself", "", units, pitch_itself(corpus))
    for name, second in variants(corpus, units):
        for size in sizes:
            found = second(size)
            show(f"unit, {name}", size, units, found)
            if name == "layer 5, runs":
                show("unit, the same shuffled", size, units, shuffled(found, units))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="Take every Nth recording.")
    parser.add_argument("--sizes", default="8,16,32,64", help="Sizes of the second codebook.")
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    options = parser.parse_args()
    for folder in options.folders:
        corpus = gather(folder, options.every)
        count = len(np.unique(corpus.recording))
        minutes = FRAME_SHIFT * len(corpus.recording) / 60
        print(f"\n{os.path.basename(os.path.abspath(folder))}: {count} recordings, {minutes:.0f} min\n")
        compare(corpus, list(map(int, options.sizes.split(","))))


if __name__ == "__main__":
    main()
