"""ELAN annotation files (.eaf): XML whose tiers point into one list of time slots, in ms."""

import itertools
from xml.etree import ElementTree

from units.records import InputError


def read_eaf(path):
    """Return {tier: [[start, end, label], ...]} of the tiers of an ELAN file that have times, in s.

    A boundary with no time of its own lies evenly between those of its tier that have one, as ELAN shows it.
    Tiers that only comment on another tier hold no times and are left out. Raises InputError naming the file.
    """
    root = _parse(path)
    times = _slot_times(root, path)
    tiers = {}
    for tier in root.iter("TIER"):
        annotations = list(tier.iter("ALIGNABLE_ANNOTATION"))
        if annotations:
            own = _filled(annotations, times)
            tiers[tier.get("TIER_ID", "")] = [_span(annotation, own, path) for annotation in annotations]
    return tiers


def _parse(path):
    with open(path, "rb") as file:
        data = file.read()
    if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16 as well
        raise InputError(f"{path}: declares XML entities, which no ELAN file does")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two of odd encodings
        raise InputError(f"{path}: not XML: {error}") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}: not an ELAN file")
    return root


def _slot_times(root, path):
    """Return {slot: s, or None}."""
    slots = [(slot.get("TIME_SLOT_ID"), slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    try:
        return {slot: None if value is None else int(value) / 1000 for slot, value in slots}
    except (ValueError, OverflowError):
        raise InputError(f"{path}: a time slot whose time is no whole number of ms") from None


def _filled(annotations, times):
    """Return {slot: s} of the slots of a tier, those with no time evenly between those that have one."""
    slots = [a.get(side) for a in annotations for side in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")]
    slots = list(dict.fromkeys(slots))
    known = [i for i, slot in enumerate(slots) if times.get(slot) is not None]
    filled = {slots[i]: times[slots[i]] for i in known}
    for before, after in itertools.pairwise(known):
        start, end = filled[slots[before]], filled[slots[after]]
        for i in range(before + 1, after):
            filled[slots[i]] = start + (end - start) * (i - before) / (after - before)
    return filled


def _span(annotation, times, path):
    start = times.get(annotation.get("TIME_SLOT_REF1"))
    end = times.get(annotation.get("TIME_SLOT_REF2"))
    if start is None or end is None or start > end:
        name = annotation.get("ANNOTATION_ID")
        raise InputError(f"{path}: annotation {name} has no times, or ends before it starts")
    return [start, end, (annotation.findtext("ANNOTATION_VALUE") or "").strip()]
