"""Means with their bootstrap 95 % interval (Efron & Tibshirani 1993, percentile method).

Records are resampled, not frames: the frames of one recording are similar, so an interval over frames would
be too narrow. The same seed gives the same interval.
"""

import math

import numpy as np

RESAMPLES = 1000
_BLOCK = 1 << 22  # draws in memory at once


def interval(values, seed=0, resamples=RESAMPLES):
    """Return the mean of values and its bootstrap 95 % interval: {"mean", "low", "high"}.

    values: finite numbers, one per record. Raises ValueError if there are no values. The interval of a single
    value has no width.

    >>> interval([2.0, 2.0, 2.0])
    {'mean': 2.0, 'low': 2.0, 'high': 2.0}
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("an interval needs one or more finite numbers")
    generator = np.random.default_rng(seed)
    step = max(1, _BLOCK // len(values))
    means = [
        values[generator.integers(len(values), size=(min(step, resamples - start), len(values)))].mean(axis=1)
        for start in range(0, resamples, step)
    ]
    return _summary(float(values.mean()), np.concatenate(means))


def summarize(records, names, seed=0, resamples=RESAMPLES):
    """Return {name: interval} over the records in which the name is a finite number.

    A name that no record has is left out; it is never 0.

    >>> summarize([{"mcd": 5.0}, {"mcd": 5.0, "stoi": None}], ["mcd", "stoi"])
    {'mcd': {'mean': 5.0, 'low': 5.0, 'high': 5.0}}
    """
    summary = {}
    for name in names:
        values = [record[name] for record in records if is_figure(record.get(name))]
        if values:
            summary[name] = interval(values, seed, resamples)
    return summary


def is_figure(value):
    """Return whether a field is a finite number, which can be averaged."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def pooled(statistics, records, seed=0, resamples=RESAMPLES):
    """Return {name: interval} of statistics of counts pooled over records.

    statistics: a function of weights (records,) int64, the number of times each record is drawn, that returns
    {name: number}; it leaves out names that cannot be computed. "mean" is the figure of all records, each
    taken once. A draw repeats records and so has fewer different ones, which lowers entropies and raises
    mutual information. The interval is therefore shifted by the difference between the figure and the mean
    of the draws. Raises ValueError if there are no records.

    >>> lengths, errors = np.array([4, 4]), np.array([1, 1])
    >>> pooled(lambda weights: {"per": weights @ errors / (weights @ lengths)}, 2)
    {'per': {'mean': 0.25, 'low': 0.25, 'high': 0.25}}
    """
    if records < 1:
        raise ValueError("an interval needs one or more records")
    generator = np.random.default_rng(seed)
    figures = statistics(np.ones(records, np.int64))
    draws = {name: [] for name in figures}
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(records, size=records), minlength=records)
        for name, value in statistics(drawn).items():
            draws.setdefault(name, []).append(value)
    return {name: _centred(float(value), draws[name] or [value]) for name, value in figures.items()}


def _centred(figure, draws):
    draws = np.asarray(draws, np.float64)
    return _summary(figure, draws + (figure - draws.mean()))


def _summary(mean, draws):
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"mean": mean, "low": float(low), "high": float(high)}
