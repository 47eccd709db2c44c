"""ELAN annotation files (.eaf): XML whose tiers point into one list of time slots, in ms."""

import html
import itertools
import os
import urllib.parse

import numpy as np

from units.files.streams import raise_fault
from units.files.text import visible
from units.labels.elan_media import default_origin, parse
from units.labels.elan_tiers import read_spans
from units.labels.tiers import fault_of, from_zero
from units.records import InputError

# The schema requires a date; a fixed one gives the same bytes for the same labels.
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2000-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
"""
_TAIL = """<LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


def read_eaf(path, on_fault=raise_fault, origin=None):
    """Return {tier: [[start, end, label], ...]} of all tiers of an ELAN file, in s of the recording.

    origin: s by which the recording is ahead of the annotations; None is the TIME_ORIGIN of the recording
    that the file names. on_fault gets the InputError of each annotation without valid times. Raises
    InputError naming the file.
    """
    root = parse(path)
    origin = default_origin(root, path) if origin is None else origin
    tiers = read_spans(root, path, on_fault)
    return {name: _in_recording(name, spans, origin, path, on_fault) for name, spans in tiers.items()}


def _in_recording(tier, spans, origin, path, on_fault):
    found = []
    for start, end, label in spans:
        start, end = from_zero(start / 1000 + origin, end / 1000 + origin)
        start, end = round(start, 6), round(end, 6)
        if fault := fault_of(start, end, label or " "):
            on_fault(InputError(f"{path}: tier {tier!r}: {fault}"))
        else:
            found.append([start, end, label])
    return found


def write_eaf(out, tiers, audio_filepath=None, folder="."):
    """Write an ELAN file, the inverse of `read_eaf`.

    out: binary file; tiers: [(name, [(start, end, label), ...]), ...] in order of time, without overlaps, to
    the ms; audio_filepath: the recording; folder: the folder of the file, for the relative name. As in ELAN,
    each annotation has two slots that no other uses, so that it can be moved.
    """
    spans = [span for _, spans in tiers for span in spans]
    times = np.array([span[:2] for span in spans]).reshape(-1, 2)
    times = (1000 * times).round().astype(np.int64).ravel()  # start, end, start, end
    order = np.lexsort((np.arange(len(times)) % 2 == 0, times))  # ends come before starts
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
    """Return the HEADER. ELAN takes names literally, so the relative one is not percent-escaped."""
    media = ""
    if audio_filepath is not None:
        path = os.path.abspath(audio_filepath)
        kind = "audio/x-wav" if path.lower().endswith(".wav") else "audio/*"
        media = (
            f'<MEDIA_DESCRIPTOR MEDIA_URL="file://{urllib.parse.quote(os.fsencode(path))}" MIME_TYPE="{kind}"'
        )
        relative = os.path.relpath(path, folder)
        relative = relative if relative.startswith("../") else "./" + relative
        if visible(relative) == relative:  # otherwise XML cannot hold it
            media += f" RELATIVE_MEDIA_URL={_attribute(relative)}"
        media += "/>\n"
    last = f'<PROPERTY NAME="lastUsedAnnotationId">{annotations}</PROPERTY>\n'
    return f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n{media}{last}</HEADER>\n'


def _attribute(text):
    text = html.escape(text).replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{text}"'
