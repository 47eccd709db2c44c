"""Settings, each written once: a dataclass field that holds its default, range, unit and help.

The command line makes its options from the fields (units.cli.options.settings), the man pages come from the
options, and units.files.config checks a config.json against the same ranges.
"""

import math
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, replace

from units.records import InputError


@dataclass(frozen=True)
class Setting:
    """A setting's help text and rules.

    help: a sentence that can be understood on its own. unit: s, Hz, dB, frames, ...; "" for a plain number.
    low, high: the range, both ends included unless low_open or high_open. multiple_of, odd: rules for whole
    numbers. choices: the allowed words. names: the option's names, if they differ from the field's. words:
    the default in words, if the value itself says nothing to a reader.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    multiple_of: int = 1
    odd: bool = False
    choices: tuple = ()
    names: tuple = ()
    words: str = ""


def setting(default=MISSING, help="", default_factory=MISSING, **rules):
    """Return a dataclass field that is a setting; see Setting for the rules."""
    metadata = {"setting": Setting(help, **rules)}
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Known:
    """A setting with the name, type and default of its field. kind: int, float, bool, str or tuple.

    item: the type of a tuple's items; may_be_none: whether None is a value.
    """

    name: str
    kind: type
    item: type | None
    may_be_none: bool
    default: object
    rules: Setting


def settings_of(config):
    """Return [Known] of a dataclass or an instance: its fields made by `setting`, in order.

    >>> @dataclass(frozen=True)
    ... class Pauses:
    ...     min_silence: float = setting(0.5, "Silence that ends a segment.", unit="s", low=0.05, high=60)
    >>> [(known.name, known.kind, known.default, known.rules.unit) for known in settings_of(Pauses)]
    [('min_silence', <class 'float'>, 0.5, 's')]
    """
    hints = typing.get_type_hints(config if isinstance(config, type) else type(config))
    found = []
    for each in fields(config):
        if "setting" in each.metadata:
            kind, item, optional = _kind_of(hints[each.name])
            default = each.default if each.default is not MISSING else each.default_factory()
            found.append(Known(each.name, kind, item, optional, default, each.metadata["setting"]))
    return found


def _kind_of(hint):
    """Return (type, type of its items, whether it may be None) of a field's annotation."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kind = next(option for option in options if option is not type(None))
    item = next(iter(typing.get_args(kind)), None)
    return typing.get_origin(kind) or kind, item, type(None) in options


def check(config, place=""):
    """Raise InputError, naming the setting and its range, if a dataclass holds a value out of range.

    place: what the message begins with, such as the name of the file.

    >>> @dataclass(frozen=True)
    ... class Shape:
    ...     width: int = setting(512, "Channels.", low=32, high=2048, multiple_of=16)
    >>> check(Shape(width=7), "config.json")
    Traceback (most recent call last):
    units.records.InputError: config.json: width must be a multiple of 16 from 32 to 2048, not 7
    """
    for known in settings_of(config):
        fault = fault_of(known, getattr(config, known.name))
        if fault:
            raise InputError(f"{place}: {fault}" if place else fault)


def fault_of(known, value):
    """Return the fault of a value of a setting in words, or None."""
    if value is None and known.may_be_none:
        return None
    values = value if known.kind is tuple and isinstance(value, (tuple, list)) else [value]
    kind = known.item or known.kind
    if (known.kind is tuple) != isinstance(value, (tuple, list)) or not all(
        _is_allowed(each, kind, known.rules) for each in values
    ):
        shown = list(value) if isinstance(value, tuple) else value
        return f"{known.name} must be {in_words(known)}, not {repr(shown)[:80]}"
    return None


def _is_allowed(value, kind, rules):
    if kind is float and type(value) is int:
        value = float(value) if abs(value) < 1 << 63 else math.inf
    if type(value) is not kind:
        return False
    if kind is str:
        return not rules.choices or value in rules.choices
    finite = kind is int or math.isfinite(value)  # math cannot take an int of hundreds of digits
    return kind is bool or (finite and _is_in_range(value, rules))


def _is_in_range(value, rules):
    above = rules.low is None or value > rules.low or (value == rules.low and not rules.low_open)
    below = rules.high is None or value < rules.high or (value == rules.high and not rules.high_open)
    fits = value % rules.multiple_of == 0 if rules.multiple_of != 1 else True
    return above and below and fits and not (rules.odd and value % 2 == 0)


def in_words(known):
    """Return what a setting may be in words: "a number from 0.05 to 60"."""
    rules, kind = known.rules, known.item or known.kind
    if rules.choices:
        words = "one of " + ", ".join(map(str, rules.choices))
    elif kind is bool:
        words = "true or false"
    elif kind is str:
        words = "text"
    elif rules.low is not None and rules.low == rules.high:
        words = _digits(rules.low)
    else:
        words = _number(kind, rules) + limits(rules)
    if known.kind is tuple:
        return f"a list, each {words}"
    return words


def _number(kind, rules):
    if rules.multiple_of != 1:
        return f"a multiple of {rules.multiple_of}"
    if rules.odd:
        return "an odd number"
    return "a whole number" if kind is int else "a number"


def limits(rules):
    """Return the range of a setting in words, with a blank before it; "" if it has none.

    >>> limits(Setting("", low=0, low_open=True, high=1)), limits(Setting("", low=2))
    (' above 0, at most 1', ' of at least 2')
    """
    low, high = (None if limit is None else _digits(limit) for limit in (rules.low, rules.high))
    if low is not None and high is not None and not (rules.low_open or rules.high_open):
        return f" from {low} to {high}"
    words = []
    if low is not None:
        words.append(f"above {low}" if rules.low_open else f"of at least {low}")
    if high is not None:
        most = f"below {high}" if rules.high_open else f"at most {high}"
        words.append(most if words or rules.high_open else f"of {most}")
    return " " + ", ".join(words) if words else ""


def _digits(number):
    return str(int(number)) if number == int(number) else f"{number:g}"


def of_values(kind, values, place, others=False):
    """Return the dataclass `kind` of {name: value}, such as JSON holds, each checked.

    Lists become tuples, and whole numbers become floats where floats are expected. Settings that are missing
    take their defaults. others: ignore unknown names, which are an error otherwise. Raises
    InputError naming the place.
    """
    if not isinstance(values, dict):
        raise InputError(f"{place}: must be a JSON object of settings")
    names = {each.name for each in fields(kind)}
    unknown = sorted(set(values) - names)
    if unknown and not others:
        raise InputError(f"{place}: unknown setting {unknown[0]!r}")
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if name in names}
    required = {each.name for each in fields(kind) if each.default is each.default_factory is MISSING}
    for name in sorted(required - set(given)):
        raise InputError(f"{place}: {name} is missing")
    config = kind(**given)
    check(config, place)
    return replace(config, **_floats(config))


def _floats(config):
    """Return {name: value} of the settings that are floats but were given as whole numbers."""
    found = {}
    for known in settings_of(config):
        value = getattr(config, known.name)
        if known.kind is float and type(value) is int:
            found[known.name] = float(value)
        elif known.item is float:
            found[known.name] = tuple(map(float, value))
    return found
