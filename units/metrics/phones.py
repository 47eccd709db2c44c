"""Units against phones: the figures of every record and of a corpus, with intervals over its records."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from units.codebook.runs import run_lengths
from units.labels.frames import FIELD
from units.metrics import boundaries, phone_error, purity, statistics
from units.metrics.aligned import label_index
from units.metrics.bootstrap import RESAMPLES, pooled


@dataclass(frozen=True)
class _Counts:
    """What was counted in each record, sparsely: entries (E,) of record, cell and count."""

    record: np.ndarray
    cell: np.ndarray
    count: np.ndarray
    cells: int

    def total(self, weights):
        """Return the counts of all records, each taken so many times, (cells,)."""
        return np.bincount(self.cell, self.count * weights[self.record], self.cells)


def _count(parts, cells):
    """Return the _Counts of one array of cells a record."""
    entries = [np.unique(part, return_counts=True) for part in parts]
    sizes = [len(cell) for cell, _ in entries]
    return _Counts(
        np.repeat(np.arange(len(parts)), sizes),
        np.concatenate([cell for cell, _ in entries]).astype(np.int64),
        np.concatenate([count for _, count in entries]),
        cells,
    )


class AlignedCorpus:
    """Aligned records with all that is counted in them, from which every figure but ABX follows."""

    def __init__(self, records):
        self.records = records
        self.labels = label_index(records)
        self.units, codes = np.unique(np.concatenate([r.units for r in records]), return_inverse=True)
        codes = np.split(codes.ravel(), np.cumsum([len(r.units) for r in records])[:-1])
        self._count_frames(codes)
        self.map = phone_error.best_map(self.joint())
        self.runs = np.array([_runs(record) for record in records])
        self.seconds = np.array([len(record.units) * record.frame_shift for record in records])
        mapped = [self.map[code] for code in codes]
        self.changes = np.array([_boundaries(r, r.units) for r in records])
        self.mapped = np.array([_boundaries(r, phone) for r, phone in zip(records, mapped, strict=True)])
        self.errors = np.array([self._errors(r, phone) for r, phone in zip(records, mapped, strict=True)])

    def _count_frames(self, codes):
        size = len(self.units)
        label = [self._labels(record) for record in self.records]
        cells = [
            phone[record.span[record.span >= 0]] * size + code[record.span >= 0]
            for record, code, phone in zip(self.records, codes, label, strict=True)
        ]
        self._joint = _count(cells, len(self.labels) * size)
        self._single = _count(codes, size)
        pairs = [statistics.bigrams(code) for code in codes]
        self._first = _count([pair[:, 0] for pair in pairs], size)
        kinds, index = np.unique(
            np.concatenate([p[:, 0] * size + p[:, 1] for p in pairs]), return_inverse=True
        )
        index = np.split(index.ravel(), np.cumsum([len(pair) for pair in pairs])[:-1])
        self._pair = _count(index, len(kinds))

    def _labels(self, record):
        return np.array([self.labels[label] for _, _, label in record.spans], np.int64)

    def _errors(self, record, mapped):
        """Return edit distance and number of phones of one record."""
        labels, spans = self._labels(record), record.spans
        touching = [after[0] - before[1] < record.frame_shift for before, after in itertools.pairwise(spans)]
        reference = phone_error.collapse(labels, touching)
        frames = np.flatnonzero(record.span >= 0)
        found = phone_error.collapse(mapped[frames], np.diff(frames) == 1)
        return phone_error.edit_distance(reference, found), len(reference)

    def joint(self, weights=None):
        """Return how often each phone meets each unit, (phones, units), each record taken so many times."""
        weights = np.ones(len(self.records), np.int64) if weights is None else weights
        return self._joint.total(weights).reshape(len(self.labels), len(self.units))

    def figures(self, weights):
        """Return {name: figure} of the records, each taken so many times; absent where not computable."""
        joint = self.joint(weights)
        frames, runs, single = weights @ self.runs
        errors, phones = weights @ self.errors
        bits = purity.entropy(self._single.total(weights))
        rate = statistics.bitrate(bits, frames, weights @ self.seconds)
        return _computed(
            pnmi=purity.pnmi(joint),
            phone_purity=purity.phone_purity(joint),
            cluster_purity=purity.cluster_purity(joint),
            **_named("boundary", boundaries.scores(*weights @ self.changes)),
            **_named("mapped", boundaries.scores(*weights @ self.mapped)),
            per=errors / phones if phones else math.nan,
            entropy=bits,
            bigram_entropy=statistics.bigram_entropy(self._pair.total(weights), self._first.total(weights)),
            bitrate=rate,
            compression=statistics.compression(rate),
            mean_run=statistics.mean_run(frames, runs),
            short_runs=statistics.short_runs(single, runs),
        )

    def record_figures(self, number):
        """Return the figures that one record has of its own."""
        (frames, runs, single), (errors, phones) = self.runs[number], self.errors[number]
        return _computed(
            **_named("boundary", boundaries.scores(*self.changes[number])),
            **_named("mapped", boundaries.scores(*self.mapped[number])),
            per=errors / phones if phones else math.nan,
            mean_run=statistics.mean_run(frames, runs),
            short_runs=statistics.short_runs(single, runs),
        )

    def summary(self, size=None, seed=0, resamples=RESAMPLES):
        """Return {name: interval} of all figures but ABX; size: that of the codebook, for dead units.

        dead_units is a count, not an estimate: its interval has no width.
        """
        summary = pooled(self.figures, len(self.records), seed, resamples)
        dead = statistics.dead_units(self.units, size)
        return {**summary, "dead_units": {"mean": dead, "low": dead, "high": dead}}


def _computed(**figures):
    return {name: float(value) for name, value in figures.items() if not math.isnan(value)}


def _named(prefix, figures):
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def _runs(record):
    """Return numbers of frames, runs, and runs of one frame."""
    _, lengths = run_lengths(record.units)
    return lengths.sum(), len(lengths), (lengths == 1).sum()


def _boundaries(record, labels):
    """Return numbers of boundaries matched, of phones, and of labels, one a frame."""
    first = FIELD / 2
    last = first + (len(labels) - 1) * record.frame_shift
    reference = boundaries.phone_boundaries(record.spans, first, last)
    found = boundaries.unit_boundaries(labels, record.frame_shift, first, record.span >= 0)
    return boundaries.count_matches(reference.tolist(), found.tolist()), len(reference), len(found)
