"""Which tier of a TextGrid or ELAN file holds the phones."""

import re

from units.records import InputError

LARGEST = 1 << 27  # bytes of a file of labels
_PHONES = re.compile(r"(^|[^a-z])(phone[sm]?|phonemes?|segments?)($|[^a-z])", re.IGNORECASE)


def choose_tier(tiers, name, path):
    """Return the spans of the named tier; with no name of the only tier, or the only one called phones.

    tiers: {name: spans}. Raises InputError listing the tiers where none or several would do.

    >>> choose_tier({"words": [], "Ana - phones": [[0.0, 0.1, "a"]]}, None, "x.TextGrid")
    [[0.0, 0.1, 'a']]
    """
    if name is not None:
        if name not in tiers:
            raise InputError(f"{path}: no tier {name!r}; it has {_listed(tiers)}")
        return tiers[name]
    likely = list(tiers) if len(tiers) == 1 else [tier for tier in tiers if _PHONES.search(tier)]
    if len(likely) != 1:
        raise InputError(f"{path}: name the tier of phones with --tier: it has {_listed(tiers)}")
    return tiers[likely[0]]


def _listed(tiers):
    return ", ".join(repr(tier) for tier in tiers) or "none"
