"""How much later, or earlier, phones are than the units that they are compared with.

Forced alignments are often late or early as a whole, by tens of milliseconds. All figures suffer, ABX too.
"""

import numpy as np

from units.labels.frames import centres, phone_at
from units.metrics import purity

STEP = 0.01  # s
LARGEST = 0.2  # s
_MOST = 500  # records that are looked at
_LEAST_FRAMES = 1000  # with phones; fewer say nothing


def label_lag(records):
    """Return (lag, PNMI as labelled, PNMI without the lag) of Aligned records, or None for very few frames.

    lag: how much later than the units the phones are, in s, a multiple of STEP: moved earlier by it, they
    have the highest PNMI. It is found from records spread evenly over the corpus.
    """
    records = records[:: -(-len(records) // _MOST)]
    labels = {label: i for i, label in enumerate(sorted({s[2] for r in records for s in r.spans}))}
    units, codes = np.unique(np.concatenate([record.units for record in records]), return_inverse=True)
    codes = np.split(codes.ravel(), np.cumsum([len(record.units) for record in records])[:-1])
    steps = np.arange(-round(LARGEST / STEP), round(LARGEST / STEP) + 1)
    found = [_counts(records, codes, labels, len(units), step * STEP) for step in steps]
    now = found[len(found) // 2]
    if now.sum() < _LEAST_FRAMES:
        return None
    scores = np.array([purity.pnmi(counts) for counts in found])
    best = int(np.median(np.flatnonzero(scores == np.nanmax(scores))))
    return float(steps[best] * STEP), float(scores[len(scores) // 2]), float(scores[best])


def _counts(records, codes, labels, size, later):
    """Return (phones, units) counts of frames, the phone of each being the one at a later time."""
    cells = []
    for record, code in zip(records, codes, strict=True):
        span = phone_at(record.spans, centres(len(code), record.frame_shift) + later)
        names = np.array([labels[label] for _, _, label in record.spans], np.int64)
        cells.append(names[span[span >= 0]] * size + code[span >= 0])
    counts = np.bincount(np.concatenate(cells), minlength=len(labels) * size)
    return counts.reshape(len(labels), size)
