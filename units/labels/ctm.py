"""CTM, time marks of words or phones: Kaldi's with 5 or 6 fields per line, NIST's with up to 8."""

import re
import urllib.parse

from units.files.streams import raise_fault
from units.files.text import visible
from units.labels.lines import texts, times
from units.labels.tiers import Labels
from units.records import InputError, warn

_NOBODY = ("NA", "<NA>", "N/A", "null", "unknown")


def read_ctm(path, on_fault=raise_fault):
    """Return [Labels] of a CTM: one of each recording, channel and speaker, with one tier, `labels`.

    A line holds recording, channel, start, duration, label and maybe confidence, type and speaker. `channel`
    is a field if the file names a channel of that recording that is not the first, `speaker` if it is given.
    The first of several alternatives is taken, which is reported. on_fault gets the InputError of each line
    that cannot be read.
    """
    found, alternatives = {}, _Alternatives()
    for number, text in texts(path, on_fault):
        fields = text.split()
        if not fields or fields[0].startswith(";;") or alternatives.skip(fields):
            continue
        try:
            owner, span = _parse(fields)
        except InputError as error:
            on_fault(InputError(f"{path}:{number}: {error}"))
        else:
            found.setdefault(owner, []).append(span)
    alternatives.check(path)
    return _with_channels(found)


def _parse(fields):
    """Return ((recording, channel, speaker), [start, end, label])."""
    if not 5 <= len(fields) <= 8:
        raise InputError(
            f"expected 5 to 8 fields (recording, channel, start, duration, label), not {len(fields)}"
        )
    start, duration = times(fields[2:4])
    if not re.fullmatch("[0-9]{1,4}|[A-Za-z]", fields[1]):
        raise InputError(f"the channel must be a number or a letter, not {fields[1]!r}")
    speaker = fields[7] if len(fields) == 8 and fields[7] not in _NOBODY else None
    owner = _unescaped(fields[0]), fields[1].upper(), speaker
    return owner, [start, start + duration, _unescaped(fields[4])]


def _with_channels(found):
    names = {}  # of channels, per recording
    for recording, channel, _ in found:
        names.setdefault(recording, set()).add(channel)
    labels = []
    for (recording, channel, speaker), spans in found.items():
        first = 0 if "0" in names[recording] else 1
        number = int(channel) - first if channel.isdigit() else ord(channel) - ord("A")
        known = {"speaker": speaker} if speaker else {}
        if names[recording] not in ({"0"}, {"1"}, {"A"}):
            known["channel"] = number
        labels.append(Labels(recording, {"labels": spans}, known))
    return labels


class _Alternatives:
    """Follows `* * <ALT_BEGIN>`, `<ALT>` and `<ALT_END>`: lines between the last two are skipped."""

    def __init__(self):
        self.current, self.skipped = 0, 0

    def skip(self, fields):
        """Return whether a line is one of these marks or belongs to another alternative than the first."""
        mark = fields[4] if len(fields) > 4 and fields[2:4] == ["*", "*"] else ""
        if mark in ("<ALT_BEGIN>", "<ALT>", "<ALT_END>"):
            self.current = {"<ALT_BEGIN>": 1, "<ALT>": self.current + 1, "<ALT_END>": 0}[mark]
            return True
        self.skipped += self.current > 1
        no_word = self.current == 1 and fields[4:5] == ["@"]
        return self.current > 1 or no_word

    def check(self, path):
        """Report what was skipped; raise InputError if the last alternatives have no end."""
        if self.current:
            raise InputError(f"{path}: <ALT_BEGIN> without <ALT_END>")
        if self.skipped:
            warn(f"{path}: took the first of its alternatives; lines skipped: {self.skipped}")


def write_ctm(out, recording, spans, channel=None):
    """Write lines of a CTM, the inverse of `read_ctm`, except that empty labels are not allowed.

    out: binary file; recording: its name; spans: (start, end, label); channel: 0 is the first. White space in
    names and labels is written as %20 and so on, and the percent sign as %25; `read_ctm` undoes that.
    """
    number = (channel or 0) + 1
    out.writelines(
        f"{_escaped(recording)} {number} {start:.6f} {end - start:.6f} {_escaped(label)}\n".encode()
        for start, end, label in spans
        if label
    )


def _escaped(text):
    def quoted(found):
        return urllib.parse.quote(found[0], safe="", errors="surrogateescape")

    return visible(re.sub(r"[\s%;\udc80-\udcff]", quoted, text))


def _unescaped(text):
    """Undo what `_escaped` does, and leave other percent signs alone: some labels begin with one."""
    return re.sub(r"(?:%[0-9A-F]{2})+", _unescaped_run, text)


def _unescaped_run(found):
    try:
        text = urllib.parse.unquote(found[0], errors="strict")
    except UnicodeDecodeError:
        return found[0]
    return text if re.fullmatch(r"[\s%;]+", text) else found[0]
