"""Gates: --at-most mcd=7 and --at-least stoi=0.8 make su-eval fail if a figure is not good enough."""

import math

import click

from units.records import InputError


class Bound(click.ParamType):
    """NAME=X; NAME is one of the figures that the command computes."""

    name = "NAME=X"

    def __init__(self, figures):
        self.figures = tuple(figures)

    def convert(self, value, param, ctx):
        """Return (name, bound); or fail as wrong usage."""
        if isinstance(value, tuple):
            return value
        name, equals, number = value.partition("=")
        if name not in self.figures:
            self.fail(f"there is no figure {name!r}; known figures are {', '.join(self.figures)}", param, ctx)
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if not equals or not math.isfinite(bound):
            self.fail(f"{value!r} is not NAME=NUMBER", param, ctx)
        return name, bound


def at_most_option(figures):
    """Return the decorator for --at-most: upper bounds on means, any number of them."""
    return _option(
        "--at-most",
        figures,
        "Exit with status 1 if the mean of this figure is above X. May be given several times.",
    )


def at_least_option(figures):
    """Return the decorator for --at-least: lower bounds on means, any number of them."""
    return _option(
        "--at-least",
        figures,
        "Exit with status 1 if the mean of this figure is below X. May be given several times.",
    )


def _option(flag, figures, words):
    return click.option(flag, type=Bound(figures), multiple=True, metavar="NAME=X", help=words)


def check(summary, at_most=(), at_least=()):
    """Raise InputError naming every figure whose mean is beyond its bound, or that was not computed.

    summary: {name: {"mean": number, ...}}; at_most, at_least: (name, bound) pairs. Call it when the output is
    complete, so that figures that failed are kept.

    >>> check({"mcd": {"mean": 7.5}}, at_most=[("mcd", 7.0)])
    Traceback (most recent call last):
    units.records.InputError: mcd is 7.5, above 7
    """
    faults = [_fault(summary, name, bound, 1, "above") for name, bound in at_most]
    faults += [_fault(summary, name, bound, -1, "below") for name, bound in at_least]
    faults = [fault for fault in faults if fault]
    if faults:
        raise InputError("; ".join(faults))


def _fault(summary, name, bound, sign, beyond):
    if name not in summary:
        return f"{name} could not be computed"
    mean = summary[name]["mean"]
    return f"{name} is {mean:.6g}, {beyond} {bound:.6g}" if sign * mean > sign * bound else None
