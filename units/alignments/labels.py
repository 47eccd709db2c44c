"""Labels of one a line: Kaldi's and NIST's CTM, TIMIT's .phn, Festival's .lab, Audacity's label tracks."""

import math
import re
import urllib.parse

from units.alignments.recordings import visible
from units.files import open_file
from units.records import InputError

TIMIT_RATE = 16000  # Hz


def _texts(path):
    """Yield (place, text) of each line."""
    with open_file(path) as file:
        for number, line in enumerate(file, 1):
            place = f"{path}:{number}"
            try:
                yield place, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"{place}: not UTF-8 at byte {error.start + 1}") from None


def _lines(path):
    """Yield (place, fields) of the lines that hold any."""
    for place, text in _texts(path):
        if fields := text.split():
            yield place, fields


def _times(place, texts):
    """Return the texts as numbers from 0 up, in whatever unit they are."""
    try:
        times = [float(text) for text in texts]
    except ValueError:
        times = [math.nan]
    if not all(math.isfinite(time) and time >= 0 for time in times):
        raise InputError(f"{place}: {' '.join(texts)!r} where times should be")
    return times


def read_ctm(path):
    """Return [(id, phones)] of a CTM: lines of recording, channel, start, duration, label [, confidence]."""
    alignments = {}
    for place, fields in _lines(path):
        if fields[0].startswith(";;"):
            continue
        if len(fields) not in (5, 6):
            raise InputError(f"{place}: {len(fields)} fields, not recording, channel, start, duration, label")
        start, duration = _times(place, fields[2:4])
        name, label = map(_unescaped, (fields[0], fields[4]))
        alignments.setdefault(name, []).append([start, start + duration, label])
    return list(alignments.items())


def write_ctm(out, recording, spans):
    """Write lines of a CTM, the inverse of `read_ctm`, but for labels that are empty, which it cannot hold.

    out: binary file; recording: its name; spans: (start, end, label). White space in names and labels, which
    would part them, is written %20 and so on, the percent sign itself %25; `read_ctm` undoes that.
    """
    out.writelines(
        f"{_escaped(recording)} 1 {start:.6f} {end - start:.6f} {_escaped(label)}\n".encode()
        for start, end, label in spans
        if label
    )


def _escaped(text):
    def quoted(found):
        return urllib.parse.quote(found[0], safe="", errors="surrogateescape")

    return visible(re.sub(r"[\s%;\udc80-\udcff]", quoted, text))


def _unescaped(text):
    """Undo what `_escaped` does, and no other percents: some labels of others begin with one."""
    return re.sub(r"(?:%[0-9A-F]{2})+", _unescaped_run, text)


def _unescaped_run(found):
    try:
        text = urllib.parse.unquote(found[0], errors="strict")
    except UnicodeDecodeError:
        return found[0]
    return text if re.fullmatch(r"[\s%;]+", text) else found[0]


def read_audacity(path):
    """Return the labels of an Audacity label track: lines of start, end, label, parted by tabs, in s.

    A line that begins with a backslash holds the frequencies of the label before, and is passed over.
    """
    labels = []
    for place, line in _texts(path):
        fields = line.rstrip("\r\n").split("\t", 2)
        if line.startswith("\\") or fields == [""]:
            continue
        if len(fields) < 2:
            raise InputError(f"{place}: no start, end, label parted by tabs")
        start, end = _times(place, fields[:2])
        if start > end:
            raise InputError(f"{place}: ends at {end} s, before it starts at {start} s")
        labels.append([start, end, fields[2].strip() if len(fields) == 3 else ""])
    return labels


def write_audacity(out, spans):
    """Write an Audacity label track, the inverse of `read_audacity`; of tabs and line breaks their pictures.

    out: binary file; spans: (start, end, label).
    """
    out.writelines(
        f"{start:.6f}\t{end:.6f}\t{visible(label, kept='')}\n".encode() for start, end, label in spans
    )


def read_phn(path):
    """Return the phones of a TIMIT .phn: lines of first sample, end sample, label, at 16 kHz."""
    phones = []
    for place, fields in _lines(path):
        if len(fields) != 3:
            raise InputError(f"{place}: {len(fields)} fields, not start sample, end sample, label")
        start, end = (samples / TIMIT_RATE for samples in _times(place, fields[:2]))
        if start > end:
            raise InputError(f"{place}: {fields[2]!r} ends before it starts")
        phones.append([start, end, fields[2]])
    return phones


def read_lab(path):
    """Return the phones of a Festival .lab: a header up to a line '#', then lines of end, colour, label.

    Each phone starts where the one before it ends, the first at 0. The label may be missing, for silence.
    """
    phones, header, end = [], True, 0.0
    for place, fields in _lines(path):
        if header:
            header = fields != ["#"]
            continue
        start, (end,) = end, _times(place, fields[:1])
        if start > end:
            raise InputError(f"{place}: ends at {end} s, before it starts at {start} s")
        phones.append([start, end, " ".join(fields[2:])])
    if header:
        raise InputError(f"{path}: no line '#' ends the header: not a Festival .lab")
    return phones
