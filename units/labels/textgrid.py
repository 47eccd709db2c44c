"""Praat TextGrids, long form and short.

Praat itself reads only the free-standing numbers, the "quoted texts" and the <flags> of its text files and
treats everything else as comments ("TextGrid file formats" in its manual), so one reader reads both forms.
"""

import math
import re

from units.files.opening import read_whole
from units.files.streams import raise_fault
from units.labels.tiers import LARGEST, fault_of, from_zero, unused
from units.records import InputError, warn

_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"'  # a text; a quotation mark in it is doubled
    r"|(?<!\S)([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?=\s|$)"  # a free-standing number
    r"|(?<!\S)(<\w+>)"
    r"|(?<!\S)![^\n]*"  # a comment
)


def read_textgrid(path, on_fault=raise_fault):
    """Return {tier: [[start, end, label], ...]} of the tiers of a Praat TextGrid, in s.

    A point is [time, time, label]. Two tiers with the same name become "name" and "name (2)". on_fault gets
    the InputError of each interval that ends before it starts or starts before 0. Raises InputError if the
    file is not a TextGrid in text form. UTF-8 and UTF-16 are recognised by their first bytes; any other file
    is read as Latin-1, as Praat does, and reported.
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
        name, spans = _read_tier(tokens, on_fault)
        tiers[unused(name, tiers)] = spans
    return tiers


def write_textgrid(out, tiers, end):
    """Write a TextGrid in long form, UTF-8, the inverse of `read_textgrid`. Gaps get empty labels.

    out: binary file; tiers: [(name, [(start, end, label), ...]), ...] in order of time, without overlaps, to
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
    """Yield the spans, and empty ones in the gaps."""
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


def _read_tier(tokens, on_fault):
    """Return the name of the next tier and its spans."""
    kind, name = tokens.text(), tokens.text()
    if kind not in ("IntervalTier", "TextTier"):
        raise InputError(f"{tokens.path}: a tier has the unknown class {kind!r}")
    tokens.number(), tokens.number()
    spans = []
    for _ in range(tokens.size()):
        start = tokens.number()
        place = tokens.place()
        end = tokens.number() if kind == "IntervalTier" else start
        start, end = from_zero(start, end)
        label = tokens.text().strip()
        if fault := fault_of(start, end, label):
            on_fault(InputError(f"{place}: tier {name!r}: {fault}"))
        else:
            spans.append([start, end, label])
    return name, spans


def _decode(data, path):
    if data.startswith(b"ooBinaryFile"):
        raise InputError(f"{path}: a binary TextGrid; save it as a text file")
    encoding = "utf-8-sig"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in data[:2]:
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise InputError(f"{path}: not UTF-16 at byte {error.start + 1}") from None
        warn(f"{path}: not UTF-8 at byte {error.start + 1}; read as Latin-1")
        return data.decode("latin-1")


class _Tokens:
    """The texts, numbers and flags of a file, in order."""

    def __init__(self, content, path):
        self.path = path
        self._content, self._last = content, None
        self._found = (match for match in _TOKEN.finditer(content) if match.lastindex)

    def place(self):
        """Return the file and line of the last token."""
        return f"{self.path}:{self._content.count(chr(10), 0, self._last.start()) + 1}"

    def _next(self, kind, what):
        match = self._last = next(self._found, None)
        if match is None:
            raise InputError(f"{self.path}: the TextGrid ends early")
        if match.lastindex != kind:
            raise InputError(f"{self.place()}: expected {what}, not {match[0]!r}")
        return match[kind]

    def text(self):
        return self._next(1, "a text").replace('""', '"')

    def number(self):
        value = float(self._next(2, "a number"))
        if not math.isfinite(value):
            raise InputError(f"{self.place()}: expected a time, not {value}")
        return value

    def size(self):
        return int(self.number())

    def flag(self):
        return self._next(3, "a flag")
