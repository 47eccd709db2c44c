"""Pairs of occurrences of the terms that su-discover writes."""

import itertools
from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.files.streams import read_records
from units.metrics.dtw import BATCH, local_distances, unit_length
from units.records import InputError, optional, require

_MOST = 20_000  # pairs that are kept
_LONGEST = 100  # frames of a pair that are aligned


@dataclass(frozen=True)
class Pairs:
    """recordings: (P, 2) numbers in a corpus; paths: P arrays (N, 2) of frames that belong together."""

    recordings: np.ndarray
    paths: list

    def draw(self, corpus, places, chosen, length, random):
        """Replace the chosen rows of random crops by pairs.

        places: (recordings, first frames), (B,) each; chosen: (B,) bool; length: frames of a crop. Returns
        the places of the first views, those of the second views, and for each row its path, or None.
        """
        firsts, seconds = [np.array(places) for _ in range(2)]
        paths = [None] * len(chosen)
        for row in np.flatnonzero(chosen):
            number = int(random.integers(len(self.paths)))
            path, turned = self.paths[number], random.integers(2)
            recordings = self.recordings[number]
            if turned:
                path, recordings = path[np.argsort(path[:, 1], kind="stable")][:, ::-1], recordings[::-1]
            paths[row] = path
            for side, made in enumerate((firsts, seconds)):
                spare = length - (path[-1, side] - path[0, side] + 1)
                first = path[0, side] - int(random.integers(max(spare, 0) + 1))
                last = max(corpus.frames[recordings[side]] - length, 0)
                made[:, row] = recordings[side], np.clip(first, 0, last)
        return firsts, seconds, paths


def read_pairs(paths, corpus, encode, seed):
    """Return the Pairs of terms in files whose places are in a corpus, their frames aligned.

    corpus: AudioCorpus; encode: a function from samples to (N, D) frames. Raises InputError if
    no term has two places in the corpus.
    """
    known = {}
    for number, record in enumerate(corpus.records):
        known.setdefault(require(record, "id"), (number, optional(record, "offset", 0.0)))
    spans = [
        [_span(place, known, corpus) for place in require(term, "occurrences")]
        for term in read_records(paths)
    ]
    drawn = [pair for term in spans for pair in _pairs([span for span in term if span])]
    if not drawn:
        raise InputError(f"{', '.join(paths)}: no term has two places in the recordings to train on")
    random = np.random.default_rng(seed)
    chosen = [drawn[i] for i in random.permutation(len(drawn))[:_MOST]]
    frames = {number: encode(corpus.samples(number)) for number in {span[0] for p in chosen for span in p}}
    parts = [[frames[number][begin:end] for number, begin, end in pair] for pair in chosen]
    starts = np.array([[first[1], second[1]] for first, second in chosen])
    return Pairs(
        np.array([[first[0], second[0]] for first, second in chosen]),
        [path + start for path, start in zip(align(parts), starts, strict=True)],
    )


def _span(place, known, corpus):
    """Return (recording, first frame, last frame) of a term's occurrence, or None if it is not there."""
    found = known.get(place.get("id"))
    if found is None:
        return None
    number, offset = found
    first = max(0, round((place["start"] - offset) / FRAME_SHIFT))
    last = min(int(corpus.frames[number]), round((place["end"] - offset) / FRAME_SHIFT), first + _LONGEST)
    return (number, first, last) if last - first >= 2 else None


def _pairs(spans):
    """Return [(span, span)]: each span with the first one, and with the next one."""
    found = [(spans[0], span) for span in spans[1:]]
    return found + list(itertools.pairwise(spans[1:]))


def align(pairs):
    """Return the (N, 2) path of dynamic time warping between (A, D) and (B, D) frames, by their angles, of
    each pair of them.

    Each step of the path moves in one of them or in both (Sakoe & Chiba 1978).
    """
    found = []
    for start in range(0, len(pairs), BATCH):
        costs = [
            local_distances(unit_length(one), unit_length(other), "cosine")
            for one, other in pairs[start : start + BATCH]
        ]
        totals = _totals(costs)
        found += [_path(totals[:, :, i], *cost.shape) for i, cost in enumerate(costs)]
    return found


def _totals(costs):
    """Return the costs of the cheapest paths to each cell of (A, B) matrices, (longest A + 1, B + 1, pairs).

    The cells of a diagonal depend on earlier ones only, so those of all pairs are computed together.
    """
    height, width = (max(cost.shape[axis] for cost in costs) for axis in (0, 1))
    padded = np.zeros((height, width, len(costs)), np.float32)
    for i, cost in enumerate(costs):
        padded[: cost.shape[0], : cost.shape[1], i] = cost
    totals = np.full((height + 1, width + 1, len(costs)), np.inf)
    totals[0, 0] = 0.0
    for k in range(height + width - 1):
        i = np.arange(max(0, k - width + 1), min(height, k + 1))
        j = k - i
        before = np.minimum(totals[i, j], np.minimum(totals[i, j + 1], totals[i + 1, j]))
        totals[i + 1, j + 1] = padded[i, j] + before
    return totals


def _path(total, i, j):
    """Return the cheapest path to cell (i, j), (N, 2), first cell first."""
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        steps = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
        i, j = min(steps, key=lambda step: total[step])
    return np.array(path[::-1])
