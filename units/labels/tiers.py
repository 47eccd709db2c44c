"""The tiers of a label file: which are used, and why the others are not."""

import re
from typing import NamedTuple

from units.labels.names import equals
from units.records import InputError, warn

LABEL_FILES = (".TextGrid", ".eaf", ".ctm", ".txt", ".lab", ".phn")
LARGEST = 1 << 27  # bytes of a file of labels
ROUNDING = 0.001  # s; a time this far below 0 is a rounding error
# Phone tiers are called so by Praat, ELAN, MFA and LaBB-CAT users; WebMAUS calls its one MAU.
_PHONES = re.compile(r"(^|[^a-z])(phone[sm]?|phonemes?|segments?)($|[^a-z])|^mau$", re.IGNORECASE)

_CHANNEL = re.compile(r"., channel ([0-9]{1,4})( \([0-9]+\))?$", re.DOTALL)


class Labels(NamedTuple):
    """The labels of one recording in a file.

    id: its name; tiers: {name: [[start, end, label], ...]}, times in s, a point has start == end; fields:
    other fields that the file gives, such as `channel`.
    """

    id: str
    tiers: dict
    fields: dict


def unused(name, taken):
    """Return the name, or if it is in use "name (2)" and so on.

    >>> unused("words", {"words": [], "words (2)": []})
    'words (3)'
    """
    number, other = 1, name
    while other in taken:
        number += 1
        other = f"{name} ({number})"
    return other


def with_channel(tier, channel):
    """Return the name of a tier of one channel of a recording; None for no channel, and names with one, stay.

    >>> with_channel("units", 1), with_channel("units, channel 1", 1), with_channel("units", None)
    ('units, channel 1', 'units, channel 1', 'units')
    """
    return tier if channel in (None, channel_of(tier)) else f"{tier}, channel {channel}"


def channel_of(tier):
    """Return the channel in a tier's name, the inverse of `with_channel`; None if there is none.

    >>> channel_of("units, channel 1"), channel_of("words, channel 0 (2)"), channel_of("channel 1")
    (1, 0, None)
    """
    found = _CHANNEL.search(tier)
    return int(found[1]) if found else None


def from_zero(start, end):
    """Return a span that starts below 0 by a rounding error as one that starts at 0, and others unchanged.

    >>> from_zero(-0.00001, 6.0), from_zero(-0.5, 6.0)
    ((0.0, 6.0), (-0.5, 6.0))
    """
    return (max(start, 0.0), max(end, 0.0)) if start >= -ROUNDING else (start, end)


def fault_of(start, end, label):
    """Return the fault of a span in words, or None. A span without label may start before 0."""
    if start > end:
        return f"{label!r} ends at {end} s, before it starts at {start} s"
    if start < 0 and label:
        return f"{label!r} starts at {start} s, before the recording"
    return None


def lacks(tier, spans):
    """Return in words why a tier cannot be used, or None if it has an interval.

    >>> lacks("tones", [[1.5, 1.5, "H"]])
    "tier 'tones' holds points, not intervals"
    """
    if any(start < end for start, end, _ in spans):
        return None
    return f"tier {tier!r} {'holds points, not intervals' if spans else 'has no labels'}"


def choose_tier(tiers, name, path):
    """Return the spans of the named tier; without a name, of the only tier or the only one for phones.

    tiers: {name: spans}. Raises InputError listing the tiers if there are none or several.

    >>> choose_tier({"words": [], "Ana - phones": [[0.0, 0.1, "a"]]}, None, "x.TextGrid")
    [[0.0, 0.1, 'a']]
    """
    if name is not None:
        return tiers[_named(name, tiers, path)]
    able = [tier for tier, spans in tiers.items() if not lacks(tier, spans)]
    likely = able if len(able) == 1 else [tier for tier in able if _PHONES.search(tier)]
    if len(likely) != 1:
        raise InputError(f"{path}: name the tier of phones with --tier; it has {_listed(tiers)}")
    return tiers[likely[0]]


class _NoTier(InputError):
    """The file does not have the tier."""


def _named(name, tiers, path):
    """Return the key of the tier of a name. Raises InputError if it does not exist or has no intervals."""
    found = equals(name, tiers)
    if not found:
        raise _NoTier(f"{path}: there is no tier {name!r}; it has {_listed(tiers)}")
    if len(found) > 1:
        raise InputError(f"{path}: {len(found)} tiers have the name {name!r}")
    if why := lacks(found[0], tiers[found[0]]):
        raise InputError(f"{path}: {why}")
    return found[0]


def _listed(tiers):
    named = [
        repr(tier) + ("" if not lacks(tier, spans) else " (points)" if spans else " (empty)")
        for tier, spans in tiers.items()
    ]
    return ", ".join(named) or "none"


class Choice:
    """Chooses the wanted tiers of one file after another; `check` reports the tiers that files lack."""

    def __init__(self, names):
        """names: the tiers to use; all if there are none."""
        self.names = names
        self._lacking = {name: {} for name in names}  # {name: {path: InputError}}
        self._taken = {name: set() for name in names}

    def of(self, tiers, path):
        """Return {tier: spans} of the tiers to use; report tiers of points if all are used.

        Raises InputError if all are used and all have points.
        """
        return self._wanted(tiers, path) if self.names else _with_intervals(tiers, path)

    def _wanted(self, tiers, path):
        chosen = {}
        for name in self.names:
            try:
                key = _named(name, tiers, path)
            except InputError as error:
                self._lacking[name].setdefault(path, error)
            else:
                chosen[key] = tiers[key]
                self._taken[name].add(path)
        return chosen

    def check(self):
        """Raise InputError for a tier that no file has labels of; report each file that lacks one."""
        for name, lacking in self._lacking.items():
            errors = [error for path, error in lacking.items() if path not in self._taken[name]]
            if errors and not self._taken[name]:
                raise InputError(f"{_best(errors)}{_nor_others(len(errors) - 1)}")
            for error in errors:
                warn(f"{error}; skipped")


def _nor_others(number):
    if not number:
        return ""
    return f"; {number} other file{'s have' if number > 1 else ' has'} no labels on it either"


def _best(errors):
    """Return the error of a file that has the tier, otherwise the first."""
    return next((error for error in errors if not isinstance(error, _NoTier)), errors[0])


def _with_intervals(tiers, path):
    reasons = {tier: lacks(tier, spans) for tier, spans in tiers.items()}
    points = [tier for tier, spans in tiers.items() if spans and reasons[tier]]
    if points and len(points) == sum(map(bool, tiers.values())):
        raise InputError(f"{path}: {reasons[points[0]]}")
    for tier in points:
        warn(f"{path}: {reasons[tier]}; skipped")
    if not any(tiers.values()):
        warn(f"{path}: no labels")
    return {tier: spans for tier, spans in tiers.items() if not reasons[tier]}
