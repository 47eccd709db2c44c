"""Runs of su-eval side by side: their means, paired differences, and which figures not to trust."""

from dataclasses import dataclass

from units.files.streams import read_records
from units.metrics.bootstrap import interval, is_figure
from units.records import InputError, warn


@dataclass(frozen=True)
class Run:
    """The output of one run of su-eval.

    summary: {figure: {"mean", "low", "high"}}; figures: {id: {figure: number}} of its records.
    """

    name: str
    summary: dict
    figures: dict


def read_run(path, name=None):
    """Return the Run in a file of su-eval. Raises InputError if its last line is not a summary."""
    summary, figures = None, {}
    for record in read_records([path]):
        if summary is not None:
            raise InputError(f"{record.place}: there is a record after the summary")
        if "summary" in record:
            summary = _summary(record)
        elif not isinstance(record.get("id"), str) or record["id"] in figures:
            raise InputError(f'{record.place}: "id" is missing or occurs twice')
        else:
            figures[record["id"]] = {field: value for field, value in record.items() if is_figure(value)}
    if summary is None:
        raise InputError(f"{path}: the summary at the end is missing; this is not complete output of su-eval")
    known = {key: {name: own[name] for name in own if name in summary} for key, own in figures.items()}
    return Run(path if name is None else name, summary, known)


def _summary(record):
    """Return the summary of a line. Raises InputError if a figure in it lacks mean or interval."""
    summary = record["summary"]
    if not isinstance(summary, dict):
        raise InputError(f'{record.place}: "summary" is not an object')
    for name, figure in summary.items():
        if not isinstance(figure, dict) or not all(is_figure(figure.get(k)) for k in ("mean", "low", "high")):
            raise InputError(f'{record.place}: {name!r} must have "mean", "low" and "high"')
    return summary


def check_pairs(first, other):
    """Warn if two runs do not have the same records, because their means cannot be compared then."""
    if first.figures.keys() == other.figures.keys():
        return
    shared, every = first.figures.keys() & other.figures.keys(), first.figures.keys() | other.figures.keys()
    if shared:
        warn(
            f"only {len(shared)} of {len(every)} records are in both {first.name} and {other.name}: "
            "differences use these, means use all records of a run"
        )
    else:
        warn(f"{first.name} and {other.name} have no records in common, so there are no differences")


FEW = 20  # records: with fewer a bootstrap interval is too narrow
WIDE = 0.25  # half of an interval, relative to its mean


def notes(run):
    """Return sentences about the figures of a Run that should not be trusted, and why."""
    found, name = [], run.name
    if run.figures and len(run.figures) < FEW:
        found.append(
            f"{name}: only {len(run.figures)} records; the intervals are narrower than they should be."
        )
    wide = [
        key
        for key, own in run.summary.items()
        if own["high"] - own["low"] > 2 * WIDE * abs(own["mean"]) and own["high"] > own["low"]
    ]
    if wide:
        found.append(f"{name}: the intervals of {', '.join(wide)} are wide; measure more records.")
    if (dead := run.summary.get("dead_units", {}).get("mean", 0)) > 0:
        found.append(f"{name}: {dead:g} units never occur; PNMI and purity depend on the number of units.")
    if "abx_within" in run.summary and "abx_across" not in run.summary:
        found.append(f"{name}: there is no ABX across speakers, so nothing is known about other speakers.")
    return found


def difference(first, other, figure, seed=0):
    """Return the interval of `other` minus `first` over the records in which both have a figure, or None.

    It is paired: each record is compared with itself, so that hard records do not matter. Figures of a whole
    run (pnmi, abx_within) have no paired difference.

    >>> a = Run("a", {}, {"1": {"mcd": 6.0}, "2": {"mcd": 8.0}})
    >>> b = Run("b", {}, {"2": {"mcd": 7.0}, "1": {"mcd": 5.0}, "3": {}})
    >>> difference(a, b, "mcd")
    {'mean': -1.0, 'low': -1.0, 'high': -1.0}
    """
    pairs = [
        other.figures[name][figure] - own[figure]
        for name, own in first.figures.items()
        if figure in own and figure in other.figures.get(name, ())
    ]
    return interval(pairs, seed) if pairs else None
