"""Units against phones: the figures of each record and of a corpus, with intervals over records."""

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
    """Sparse counts per record: record, cell and count of each entry, (E,)."""

    record: np.ndarray
    cell: np.ndarray
    count: np.ndarray
    cells: int

    def total(self, weights):
        """Return the weighted sum of the counts of all records, (cells,)."""
        return np.bincount(self.cell, self.count * weights[self.record], self.cells)


def _count(parts, cells):
    """Return the _Counts of one array of cells per record."""
    entries = [np.unique(part, return_counts=True) for part in parts]
    sizes = [len(cell) for cell, _ in entries]
    return _Counts(
        np.repeat(np.arange(len(parts)), sizes),
        np.concatenate([cell for cell, _ in entries]).astype(np.int64),
        np.concatenate([count for _, count in entries]),
        cells,
    )


class AlignedCorpus:
    """Aligned records with their counts, from which all figures except ABX are computed."""

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
        """Return the edit distance and the number of phones of a record."""
        labels, spans = self._labels(record), record.spans
        touching = [after[0] - before[1] < record.frame_shift for before, after in itertools.pairwise(spans)]
        reference = phone_error.collapse(labels, touching)
        frames = np.flatnonzero(record.span >= 0)
        found = phone_error.collapse(mapped[frames], np.diff(frames) == 1)
        return phone_error.edit_distance(reference, found), len(reference)

    def joint(self, weights=None):
        """Return how often each phone occurs with each unit, (phones, units), weighted by record."""
        weights = np.ones(len(self.records), np.int64) if weights is None else weights
        return self._joint.total(weights).reshape(len(self.labels), len(self.units))

    def figures(self, weights):
        """Return {name: figure} of the weighted records, without figures that cannot be computed."""
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
        """Return the figures of one record."""
        (frames, runs, single), (errors, phones) = self.runs[number], self.errors[number]
        return _computed(
            **_named("boundary", boundaries.scores(*self.changes[number])),
            **_named("mapped", boundaries.scores(*self.mapped[number])),
            per=errors / phones if phones else math.nan,
            mean_run=statistics.mean_run(frames, runs),
            short_runs=statistics.short_runs(single, runs),
        )

    def summary(self, size=None, seed=0, resamples=RESAMPLES):
        """Return {name: interval} of all figures except ABX. size: number of units, to count dead units.

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
    """Return the numbers of frames, of runs, and of runs of one frame."""
    _, lengths = run_lengths(record.units)
    return lengths.sum(), len(lengths), (lengths == 1).sum()


def _boundaries(record, labels):
    """Return the numbers of matched boundaries, of phone boundaries, and of label boundaries."""
    first = FIELD / 2
    last = first + (len(labels) - 1) * record.frame_shift
    reference = boundaries.phone_boundaries(record.spans, first, last)
    found = boundaries.unit_boundaries(labels, record.frame_shift, first, record.span >= 0)
    return boundaries.count_matches(reference.tolist(), found.tolist()), len(reference), len(found)
