"""The times of annotations in ELAN tiers: given, or derived from a parent's."""

import itertools

from units.labels.tiers import unused
from units.records import InputError


def read_spans(root, path, on_fault):
    """Return {tier: [[start, end, label], ...]} of all tiers in order of time, in ms without TIME_ORIGIN.

    root: the XML of an ELAN file. Time slots without a time lie evenly between those of their tier that have
    one, in whole ms. A symbolic subdivision divides its parent's time evenly, a symbolic association takes
    its parent's time: all as ELAN shows it. on_fault gets the InputError of each annotation without times.
    """
    tiers = {}
    for tier in root.iter("TIER"):
        tiers[unused(tier.get("TIER_ID", ""), tiers)] = tier
    times = _slot_times(root, path)
    for tier in _parents_first(tiers.values()):
        _propose(tier, times)
    spans = {
        annotation.get("ANNOTATION_ID"): (times.get(start), times.get(end))
        for annotation in root.iter("ALIGNABLE_ANNOTATION")
        for start, end in [_slots(annotation)]
    }
    spans = {name: span for name, span in spans.items() if None not in span}
    _follow_parents(root, tiers.values(), spans)
    return {name: _sound_spans(tier, spans, path, on_fault) for name, tier in tiers.items()}


def _slots(annotation):
    return annotation.get("TIME_SLOT_REF1"), annotation.get("TIME_SLOT_REF2")


def _slot_times(root, path):
    """Return {slot: ms, or None}, in the order of the file."""
    slots = [(slot.get("TIME_SLOT_ID"), slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    try:
        return {slot: None if value is None else _milliseconds(value) for slot, value in slots}
    except ValueError:
        raise InputError(f"{path}: TIME_VALUE must be a whole number of milliseconds") from None


def _milliseconds(text):
    value = int(text)
    if abs(value) >= 1 << 53:
        raise ValueError
    return value


def _parents_first(tiers):
    """Return the tiers in an order in which each follows its parent; those in a circle come last."""
    names = {tier.get("TIER_ID") for tier in tiers}
    below = {}
    for tier in tiers:
        parent = tier.get("PARENT_REF")
        below.setdefault(parent if parent in names else None, []).append(tier)
    ordered = []
    waiting = [None]
    while waiting:
        found = below.pop(waiting.pop(), [])
        ordered += found
        waiting += [tier.get("TIER_ID") for tier in found]
    return ordered + list(itertools.chain(*below.values()))


def _propose(tier, times):
    """Give times to the slots of a tier that have none, evenly between those that have one."""
    slots = [slot for a in tier.iter("ALIGNABLE_ANNOTATION") for slot in _slots(a) if slot in times]
    slots = list(dict.fromkeys(slots))
    if all(times[slot] is not None for slot in slots):
        return
    order = {slot: i for i, slot in enumerate(times)}
    ranked = sorted(slots, key=order.get)
    known = [times[slot] for slot in ranked if times[slot] is not None]
    slots = ranked if known == sorted(known) else slots  # ELAN keeps slots in order of time; others may not
    known = [i for i, slot in enumerate(slots) if times[slot] is not None]
    for before, after in itertools.pairwise(known):
        start, end = times[slots[before]], times[slots[after]]
        step = (end - start) // (after - before)
        for i in range(before + 1, after):
            times[slots[i]] = start + step * (i - before)


def _follow_parents(root, tiers, spans):
    """Add to {annotation: (start, end)} those that refer to other annotations, to any depth."""
    kinds = {kind.get("LINGUISTIC_TYPE_ID"): kind.get("CONSTRAINTS") for kind in root.iter("LINGUISTIC_TYPE")}
    children = {}  # per annotation and tier
    for number, tier in enumerate(tiers):
        divides = kinds.get(tier.get("LINGUISTIC_TYPE_REF")) != "Symbolic_Association"
        for annotation in tier.iter("REF_ANNOTATION"):
            groups = children.setdefault(annotation.get("ANNOTATION_REF"), {})
            groups.setdefault((number, divides), []).append(annotation)
    waiting = list(spans)
    while waiting:
        parent = waiting.pop()
        start, end = spans[parent]
        for (_, divides), group in children.pop(parent, {}).items():
            for i, name in enumerate(_chained(group)):
                share = (end - start) / len(group)
                ends = (start + int(i * share), start + int((i + 1) * share)) if divides else (start, end)
                spans[name] = ends
                waiting.append(name)


def _chained(group):
    """Return the names of sibling annotations in order: each after its PREVIOUS_ANNOTATION."""
    names = [annotation.get("ANNOTATION_ID") for annotation in group]
    previous = {a.get("ANNOTATION_ID"): a.get("PREVIOUS_ANNOTATION") for a in group}
    after = {}
    for name in names:
        after.setdefault(previous[name], []).append(name)
    waiting = [name for name in reversed(names) if previous[name] not in previous]
    ordered = {}
    while waiting:
        name = waiting.pop()
        ordered[name] = True
        waiting += reversed(after.pop(name, []))
    return [*ordered, *(name for name in names if name not in ordered)]  # those in a circle last


def _sound_spans(tier, spans, path, on_fault):
    found = []
    for annotation in itertools.chain(tier.iter("ALIGNABLE_ANNOTATION"), tier.iter("REF_ANNOTATION")):
        name = annotation.get("ANNOTATION_ID")
        start, end = spans.get(name, (1, 0))
        if start > end:
            on_fault(InputError(f"{path}: annotation {name} {_reason(name, annotation, spans)}"))
        else:
            found.append([start, end, (annotation.findtext("ANNOTATION_VALUE") or "").strip()])
    return sorted(found, key=lambda span: span[:2])


def _reason(name, annotation, spans):
    if name in spans:
        return "ends before it starts"
    parent = annotation.get("ANNOTATION_REF")
    return "has no times" if parent is None else f"refers to annotation {parent}, which has no times"
