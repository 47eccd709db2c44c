"""ELAN annotation files (.eaf): XML whose tiers point into one list of time slots, in ms."""

import html
import itertools
import os
import urllib.parse
from xml.etree import ElementTree

import numpy as np

from units.alignments.recordings import visible
from units.alignments.tiers import LARGEST
from units.files import read_whole
from units.records import InputError

# The schema wants a date; a fixed one gives the same bytes for the same labels.
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2000-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
"""
_TAIL = """<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


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


def read_media(path):
    """Return the path of the recording that an ELAN file is of; None where it names none.

    The relative and the absolute name are tried, each as it stands and with its percents undone; of none that
    is there the first is returned. What does not lie below the working directory is named by its whole path.
    """
    media = _parse(path).find("HEADER/MEDIA_DESCRIPTOR")
    if media is None:
        return None
    names = [media.get(name, "") for name in ("RELATIVE_MEDIA_URL", "MEDIA_URL")]
    names = [name.removeprefix("file://") for name in names if name]
    names = [n for name in names for n in (name, urllib.parse.unquote(name, errors="surrogateescape"))]
    paths = [os.path.normpath(os.path.join(os.path.dirname(path), name)) for name in names]
    there = [path for path in paths if "\0" not in path and os.path.exists(path)]
    found = next(iter(there + paths), None)
    return os.path.abspath(found) if found and found.startswith("../") else found


def write_eaf(out, tiers, audio_filepath=None, folder="."):
    """Write an ELAN file, the inverse of `read_eaf`.

    out: binary file; tiers: [(name, [(start, end, label), ...]), ...] in order of time, none overlapping, to
    the ms; audio_filepath: the recording; folder: where the file will lie, for the relative name. As in ELAN
    each annotation has two slots of its own, so that it can be moved.
    """
    spans = [span for _, spans in tiers for span in spans]
    times = np.array([span[:2] for span in spans]).reshape(-1, 2)
    times = (1000 * times).round().astype(np.int64).ravel()  # start, end, start, end
    order = np.lexsort((np.arange(len(times)) % 2 == 0, times))  # what ends stands before what begins
    slots = np.empty_like(order)
    slots[order] = np.arange(1, len(order) + 1)
    out.write((_HEAD + _header(audio_filepath, folder, len(spans)) + "<TIME_ORDER>\n").encode())
    slot = '<TIME_SLOT TIME_SLOT_ID="ts%d" TIME_VALUE="%d"/>\n'
    out.writelines((slot % pair).encode() for pair in enumerate(times[order].tolist(), 1))
    out.write(b"</TIME_ORDER>\n")
    numbers = zip(itertools.count(1), slots[::2].tolist(), slots[1::2].tolist(), strict=False)
    for name, spans in tiers:
        out.write(f'<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID={_attribute(name)}>\n'.encode())
        out.writelines(
            (_ANNOTATION % (*next(numbers), html.escape(label, quote=False))).encode() for *_, label in spans
        )
        out.write(b"</TIER>\n")
    out.write(_TAIL.encode())


_ANNOTATION = (
    '<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a%d" TIME_SLOT_REF1="ts%d" TIME_SLOT_REF2="ts%d">\n'
    "<ANNOTATION_VALUE>%s</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n"
)


def _header(audio_filepath, folder, annotations):
    """Return the HEADER. ELAN looks for names as they stand, so the relative one has no percents."""
    media = ""
    if audio_filepath is not None:
        path = os.path.abspath(audio_filepath)
        kind = "audio/x-wav" if path.lower().endswith(".wav") else "audio/*"
        media = (
            f'<MEDIA_DESCRIPTOR MEDIA_URL="file://{urllib.parse.quote(os.fsencode(path))}" MIME_TYPE="{kind}"'
        )
        relative = os.path.relpath(path, folder)
        relative = relative if relative.startswith("../") else "./" + relative
        if visible(relative) == relative:  # else XML cannot hold it
            media += f" RELATIVE_MEDIA_URL={_attribute(relative)}"
        media += "/>\n"
    last = f'<PROPERTY NAME="lastUsedAnnotationId">{annotations}</PROPERTY>\n'
    return f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n{media}{last}</HEADER>\n'


def _attribute(text):
    text = html.escape(text).replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{text}"'


def _parse(path):
    data = read_whole(path, LARGEST)
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
