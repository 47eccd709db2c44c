"""Histograms of figures over recordings."""

import numpy as np

from units.report.figures import histogram
from units.report.page import picture_of


def distributions(summary, rows, figures):
    """Return a Picture, a histogram, of each figure that single recordings have.

    summary: {name: {"mean", "low", "high"}}; rows: [(id, {name: figure})]; figures: {name: Figure}.
    """
    pictures = []
    for key, figure in figures.items():
        values = np.array([found[key] for _, found in rows if found.get(key) is not None])
        if len(values):
            drawing = histogram(values, summary.get(key), figure.label)
            pictures.append(picture_of(drawing, _in_words(figure, values)))
    return pictures


def _in_words(figure, values):
    low, quarter, half, most, high = map(figure.write, np.percentile(values, [0, 25, 50, 75, 100]))
    return (
        f"{figure.label} of {len(values):,} recordings: from {low} to {high}, median {half}, "
        f"half of them between {quarter} and {most}"
    )
