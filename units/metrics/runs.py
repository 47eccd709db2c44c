"""Runs of su-eval side by side: the means that each has, and paired differences between two."""

from dataclasses import dataclass

from units.files.streams import read_records
from units.metrics.bootstrap import interval, is_figure
from units.records import InputError, warn


@dataclass(frozen=True)
class Run:
    """What su-eval wrote of one run.

    summary: {figure: {"mean", "low", "high"}}; figures: {id: {figure: number}} of its records.
    """

    name: str
    summary: dict
    figures: dict


def read_run(path, name=None):
    """Return the Run in a file of su-eval; InputError where its last line is no summary."""
    summary, figures = None, {}
    for record in read_records([path]):
        if summary is not None:
            raise InputError(f"{record.place}: a record after the summary")
        if "summary" in record:
            summary = _summary(record)
        elif not isinstance(record.get("id"), str) or record["id"] in figures:
            raise InputError(f'{record.place}: no "id" of its own')
        else:
            figures[record["id"]] = {field: value for field, value in record.items() if is_figure(value)}
    if summary is None:
        raise InputError(f"{path}: ends without the summary that su-eval writes")
    known = {key: {name: own[name] for name in own if name in summary} for key, own in figures.items()}
    return Run(path if name is None else name, summary, known)


def _summary(record):
    """Return the summary of a line; raise InputError where a figure in it has no mean and interval."""
    summary = record["summary"]
    if not isinstance(summary, dict):
        raise InputError(f'{record.place}: "summary" is not an object')
    for name, figure in summary.items():
        if not isinstance(figure, dict) or not all(is_figure(figure.get(k)) for k in ("mean", "low", "high")):
            raise InputError(f'{record.place}: {name!r} has not "mean", "low" and "high"')
    return summary


def check_pairs(first, other):
    """Report if two runs are not of the same records, for then their means are not to be compared."""
    if first.figures.keys() == other.figures.keys():
        return
    shared, every = first.figures.keys() & other.figures.keys(), first.figures.keys() | other.figures.keys()
    if shared:
        warn(
            f"{len(shared)} of {len(every)} records are in both {first.name} and {other.name}: "
            "differences are of these, means of all that a run has"
        )
    else:
        warn(f"{first.name} and {other.name} have no record in common: there are no differences")


def difference(first, other, figure, seed=0):
    """Return the interval of other less first over the records that both have the figure of; None for none.

    Paired: each record is compared with itself, so what makes one harder than another does not count. What
    is not of records but of a whole run (pnmi, abx_within) has no difference here.

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
