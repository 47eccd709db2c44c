"""Distributions of figures over recordings."""

import numpy as np

from units.report.figures import histogram
from units.report.page import figure


def distributions(summary, rows, figures):
    """Return a histogram of each figure that recordings have of their own, HTML.

    summary: {name: {"mean", "low", "high"}}; rows: [(id, {name: figure})]; figures: {name: Figure}.
    """
    parts = []
    for key, merit in figures.items():
        values = np.array([found[key] for _, found in rows if found.get(key) is not None])
        if len(values):
            picture = histogram(values, summary.get(key), merit.label)
            parts.append(figure(picture, _in_words(merit, values)))
    legend = "<p>Bars count recordings; the line is the mean, the band about it its interval.</p>\n"
    return f'{legend}<div class="grid">\n{"".join(parts)}</div>'


def _in_words(merit, values):
    low, quarter, half, most, high = map(merit.write, np.percentile(values, [0, 25, 50, 75, 100]))
    return (
        f"{merit.label} of {len(values):,} recordings: from {low} to {high}, median {half}, "
        f"half of them between {quarter} and {most}"
    )
