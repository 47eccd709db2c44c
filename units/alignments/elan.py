"""ELAN annotation files (.eaf): XML whose tiers point into one list of time slots, in ms."""

import itertools
from xml.etree import ElementTree

from units.records import InputError


def read_eaf(path):
    """Return {tier: [[start, end, label], ...]} of the tiers of an ELAN file that have times, in s.

    A slot with no time of its own lies evenly between its neighbours that have one, as ELAN shows it. Tiers
    that only comment on another tier hold no times and are left out. Raises InputError naming the file.
    """
    root = _parse(path)
    times = _slot_times(root, path)
    tiers = {}
    for tier in root.iter("TIER"):
        spans = [_span(annotation, times, path) for annotation in tier.iter("ALIGNABLE_ANNOTATION")]
        if spans:
            tiers[tier.get("TIER_ID", "")] = spans
    return tiers


def _parse(path):
    with open(path, "rb") as file:
        data = file.read()
    if b"<!ENTITY" in data or b"<!ENTITY".decode().encode("utf-16-le") in data:
        raise InputError(f"{path}: declares XML entities, which no ELAN file does")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        raise InputError(f"{path}: not XML: {error}") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}: not an ELAN file")
    return root


def _slot_times(root, path):
    """Return {slot: s}."""
    slots = [(slot.get("TIME_SLOT_ID"), slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    try:
        times = [None if value is None else int(value) / 1000 for _, value in slots]
    except ValueError:
        raise InputError(f"{path}: a time slot whose time is no whole number of ms") from None
    known = [i for i, time in enumerate(times) if time is not None]
    for before, after in itertools.pairwise(known):
        step = (times[after] - times[before]) / (after - before)
        times[before + 1 : after] = [times[before] + step * i for i in range(1, after - before)]
    return {slot: time for (slot, _), time in zip(slots, times, strict=True)}


def _span(annotation, times, path):
    start = times.get(annotation.get("TIME_SLOT_REF1"))
    end = times.get(annotation.get("TIME_SLOT_REF2"))
    if start is None or end is None or start > end:
        name = annotation.get("ANNOTATION_ID")
        raise InputError(f"{path}: annotation {name} has no times, or ends before it starts")
    return [start, end, (annotation.findtext("ANNOTATION_VALUE") or "").strip()]
