"""Praat TextGrids, long form and short.

Praat itself reads only the free-standing numbers, the "quoted texts" and the <flags> of its text files and
takes all else for comment ("TextGrid file formats" in its manual), so one reader does for both forms.
"""

import math
import re

from units.alignments.tiers import LARGEST
from units.files import read_whole
from units.records import InputError

_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"'  # a text; a quotation mark in it is doubled
    r"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)"  # a free-standing number
    r"|(?<!\S)(<\w+>)"
    r"|(?<!\S)![^\n]*"  # a comment
)


def read_textgrid(path):
    """Return {tier: [[start, end, label], ...]} of the interval tiers of a Praat TextGrid, in s.

    Two tiers of one name become "name" and "name (2)". Raises InputError where the file is no TextGrid in
    text form; UTF-8 and UTF-16 are known by their first bytes.
    """
    data = read_whole(path, LARGEST)
    tokens = _Tokens(_decode(data, path), path)
    if tokens.text() not in ("ooTextFile", "ooTextFile short") or tokens.text() != "TextGrid":
        raise InputError(f"{path}: not a TextGrid in text form")
    tokens.number(), tokens.number()
    if tokens.flag() != "<exists>":
        return {}
    tiers = {}
    for _ in range(tokens.size()):
        name, spans = _read_tier(tokens)
        if spans is not None:
            tiers[_unused(name, tiers)] = spans
    return tiers


def write_textgrid(out, tiers, end):
    """Write a TextGrid in long form, UTF-8, the inverse of `read_textgrid`; where nothing is, an empty label.

    out: binary file; tiers: [(name, [(start, end, label), ...]), ...] in order of time, none overlapping, to
    the microsecond; end: s, of the recording.
    """
    end = _seconds(max([end, *(spans[-1][1] for _, spans in tiers if spans)]))
    out.write(_HEAD.format(end=end, size=len(tiers)).encode())
    for number, (name, spans) in enumerate(tiers, 1):
        filled = list(_filled(spans, float(end)))
        out.write(_TIER.format(number=number, name=_quoted(name), end=end, size=len(filled)).encode())
        out.writelines(
            (_INTERVAL % (i, _seconds(first), _seconds(last), _quoted(label))).encode()
            for i, (first, last, label) in enumerate(filled, 1)
        )


# with the spaces at line ends that Praat writes
_HEAD = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0\x20
xmax = {end}\x20
tiers? <exists>\x20
size = {size}\x20
item []:\x20
"""
_TIER = """    item [{number}]:
        class = "IntervalTier"\x20
        name = {name}\x20
        xmin = 0\x20
        xmax = {end}\x20
        intervals: size = {size}\x20
"""
_INTERVAL = """        intervals [%d]:
            xmin = %s\x20
            xmax = %s\x20
            text = %s\x20
"""


def _filled(spans, end):
    """Yield the spans, and empty ones where there are none."""
    at = 0.0
    for span in spans:
        if span[0] > at:
            yield at, span[0], ""
        yield span
        at = span[1]
    if at < end:
        yield at, end, ""


def _seconds(time):
    return f"{time:.6f}".rstrip("0").rstrip(".")


def _quoted(text):
    return '"' + text.replace('"', '""') + '"'


def _read_tier(tokens):
    """Return the name of the next tier and its spans; None for the spans of a tier of points."""
    kind, name = tokens.text(), tokens.text()
    if kind not in ("IntervalTier", "TextTier"):
        raise InputError(f"{tokens.path}: a tier of the unknown class {kind!r}")
    tokens.number(), tokens.number()
    size = tokens.size()
    if kind == "TextTier":
        for _ in range(size):
            tokens.number(), tokens.text()
        return name, None
    spans = [[tokens.number(), tokens.number(), tokens.text().strip()] for _ in range(size)]
    for start, end, label in spans:
        if start > end:
            raise InputError(f"{tokens.path}: tier {name!r}: {label!r} ends before it starts, at {start} s")
    return name, spans


def _unused(name, tiers):
    number, unused = 1, name
    while unused in tiers:
        number += 1
        unused = f"{name} ({number})"
    return unused


def _decode(data, path):
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        name = "UTF-16" if utf16 else "UTF-8 or UTF-16"
        raise InputError(f"{path}: not {name} at byte {error.start + 1}") from None


class _Tokens:
    """The texts, numbers and flags of a file, one after the other."""

    def __init__(self, content, path):
        self.path = path
        self._found = (match for match in _TOKEN.finditer(content) if match.lastindex)

    def _next(self, kind, what):
        match = next(self._found, None)
        if match is None:
            raise InputError(f"{self.path}: the TextGrid ends early")
        if match.lastindex != kind:
            raise InputError(f"{self.path}: {match[0]!r} where {what} should be")
        return match[kind]

    def text(self):
        return self._next(1, "a text").replace('""', '"')

    def number(self):
        value = float(self._next(2, "a number"))
        if not math.isfinite(value):
            raise InputError(f"{self.path}: a number beyond what may be")
        return value

    def size(self):
        return int(self.number())

    def flag(self):
        return self._next(3, "a flag")
