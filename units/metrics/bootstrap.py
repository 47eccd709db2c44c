"""Means with their bootstrap 95 % interval (Efron & Tibshirani 1993, percentile method).

A record, not a frame, is what is drawn again and again: frames of one recording resemble each other, and
an interval over frames would be too narrow to be believed. Same seed, same interval.
"""

import math

import numpy as np

RESAMPLES = 1000
_BLOCK = 1 << 22  # draws held at once, so that memory does not grow with resamples


def interval(values, seed=0, resamples=RESAMPLES):
    """Return the mean of values and the bootstrap 95 % interval of it: {"mean", "low", "high"}.

    values: finite numbers, one a record. Raises ValueError for none: what was not measured has no mean.
    Of a single value the interval has no width.

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
    """Return {name: interval} over the records that carry the name as a finite number.

    A name that no record carries is left out, never 0.

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
    """Tell whether a field holds a finite number, and so can be averaged."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def pooled(statistics, records, seed=0, resamples=RESAMPLES):
    """Return {name: interval} for statistics of counts that are pooled over records.

    statistics: a function of the weights (records,) int64, how often each record is drawn, that returns
    {name: number}; a name it leaves out is not computable for that draw. "mean" is the figure of the
    records themselves, each taken once. A draw repeats records and so sees fewer different things, which by
    itself lowers entropies and raises mutual information: the interval is moved by what the mean of the draws
    differs from the figure, and tells only how much chance there was in the choice of records. Raises
    ValueError for no records.

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
