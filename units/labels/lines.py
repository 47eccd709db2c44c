"""Labels, one per line: TIMIT's .phn, Festival's .lab, Audacity's label tracks; what they share with CTM."""

import codecs
import math

from units.files.opening import open_file, read_whole
from units.files.streams import raise_fault
from units.files.text import visible
from units.labels.tiers import LARGEST, ROUNDING
from units.records import InputError

TIMIT_RATE = 16000  # Hz
_LAST = 1e9  # s


def texts(path, on_fault=raise_fault):
    """Yield (number, text) of each line of a file in UTF-8, or in UTF-16 if it begins with its mark."""
    with open_file(path) as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            yield from enumerate(_utf16(path).splitlines(), 1)
            return
        for number, line in enumerate(file, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                on_fault(InputError(f"{path}:{number}: not UTF-8 at byte {error.start + 1}"))
            else:
                yield number, text


def _utf16(path):
    try:
        return read_whole(path, LARGEST).decode("utf-16")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-16 at byte {error.start + 1}") from None


def spans_of(path, parse, on_fault):
    """Return the [start, end, label] that a function makes of the text of each line.

    parse: returns None for a line without a label, and raises InputError for one that it cannot read.
    on_fault gets that error with file and line.
    """
    spans = []
    for number, text in texts(path, on_fault):
        try:
            span = parse(text)
        except InputError as error:
            on_fault(InputError(f"{path}:{number}: {error}"))
        else:
            spans += [] if span is None else [span]
    return spans


def times(words, least=-ROUNDING):
    """Return words as numbers from 0 up; rounding errors below 0 become 0."""
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = [math.nan]
    if not all(least <= time <= _LAST * TIMIT_RATE for time in found):
        raise InputError(f"expected times, not {' '.join(words)!r}")
    return [max(time, 0.0) for time in found]


def in_order(start, end):
    """Return the times. Raises InputError if the end is before the start."""
    if start > end:
        raise InputError(f"ends at {end} s, before it starts at {start} s")
    return start, end


def read_audacity(path, on_fault=raise_fault):
    """Return the labels of an Audacity label track: lines of start, end, label, separated by tabs, in s.

    A point has start == end, or in old files no end. A line that begins with a backslash has the frequencies
    of the label before, and is skipped. Decimal commas are accepted, as in Audacity. on_fault gets the
    InputError of each line that cannot be read.
    """
    return spans_of(path, _audacity, on_fault)


def _audacity(line):
    fields = line.rstrip("\r\n").split("\t", 2)
    if line.startswith("\\") or not line.strip():
        return None
    if len(fields) < 2:
        raise InputError("expected start, end and label, separated by tabs")
    words = [field.strip().replace(",", ".") for field in fields[:2]]
    if len(fields) == 2 and not _is_number(words[1]):
        words, fields = [words[0]] * 2, [*fields[:1], *fields]
    start, end = in_order(*times(words))
    return [start, end, fields[2].strip() if len(fields) == 3 else ""]


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def write_audacity(out, spans):
    """Write an Audacity label track, the inverse of `read_audacity`; tabs and line breaks become signs.

    out: binary file; spans: (start, end, label).
    """
    out.writelines(
        f"{start:.6f}\t{end:.6f}\t{visible(label, kept='')}\n".encode() for start, end, label in spans
    )


def read_phn(path, on_fault=raise_fault):
    """Return the phones of a TIMIT .phn: lines of first sample, end sample, label, at 16 kHz."""
    return spans_of(path, _phn, on_fault)


def _phn(line):
    fields = line.split()
    if not fields:
        return None
    if len(fields) != 3:
        raise InputError(f"expected start sample, end sample and label, not {len(fields)} fields")
    start, end = (samples / TIMIT_RATE for samples in times(fields[:2], least=0))
    if start > end:
        raise InputError(f"{fields[2]!r} ends before it starts")
    return [start, end, fields[2]]


def read_lab(path, on_fault=raise_fault):
    """Return the phones of a Festival .lab: a header up to a line '#', then lines of end, colour, label.

    Each phone starts at the end of the one before it, the first at 0. The label may be missing, for silence.
    """
    lab = _Lab()
    phones = spans_of(path, lab.parse, on_fault)
    if lab.header:
        raise InputError(f"{path}: not a Festival .lab: no line '#' ends the header")
    return phones


class _Lab:
    """Keeps the start of the next phone: the end of the one before it."""

    def __init__(self):
        self.header, self.start = True, 0.0

    def parse(self, line):
        fields = line.split()
        if self.header or not fields:
            self.header = self.header and fields != ["#"]
            return None
        start, self.start = self.start, None  # unknown if this line cannot be read
        (self.start,) = times(fields[:1])
        if start is None:
            raise InputError("its start is not known, because the line before it could not be read")
        return [*in_order(start, self.start), " ".join(fields[2:])]
