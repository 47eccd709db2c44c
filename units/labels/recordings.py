"""The labels of many recordings, each on its tier, as they come: 24 bytes a label."""

import heapq
import itertools
from array import array
from dataclasses import dataclass, field

import numpy as np

from units.labels.tiers import with_channel
from units.records import InputError


@dataclass
class Tier:
    """Labels in the order in which they came: starts, ends in s, labels as text."""

    starts: array = field(default_factory=lambda: array("d"))
    ends: array = field(default_factory=lambda: array("d"))
    labels: list = field(default_factory=list)


@dataclass
class LabelledRecording:
    """What is known of a recording: its file, its tiers by name, and where it ends at least, s."""

    audio_filepath: str | None
    tiers: dict = field(default_factory=dict)
    until: float = 0.0


class Recordings(dict):
    """Recordings by their name, in the order in which they came."""

    def __init__(self, digits):
        """digits: of a second, that the format will hold."""
        super().__init__()
        self._digits = digits
        self._texts = {}  # one object for all labels that are alike

    def add(self, several):
        """Add the labels of a list of units.labels.spans.Spans, all or none.

        Raises InputError for one that has no length in the format.
        """
        rounded = [[[round(t, self._digits) for t in times] for times in (s.starts, s.ends)] for s in several]
        for spans, (starts, ends) in zip(several, rounded, strict=True):
            for start, end, label in zip(starts, ends, spans.labels, strict=True):
                if start >= end:
                    raise InputError(f"{str(label)!r} at {start} s has no length")
        for spans, (starts, ends) in zip(several, rounded, strict=True):
            if starts:
                recording = self.setdefault(spans.recording, LabelledRecording(spans.audio_filepath))
                recording.until = max(recording.until, spans.until, ends[-1])
                tier = recording.tiers.setdefault(visible(with_channel(spans.tier, spans.channel)), Tier())
                tier.starts.extend(starts)
                tier.ends.extend(ends)
                tier.labels.extend(self._text(label) for label in spans.labels)

    def _text(self, label):
        text = self._texts.get(label)
        return self._texts.setdefault(label, visible(str(label))) if text is None else text


def visible(text, kept="\t\n"):
    """Return a text whose control characters are Unicode's pictures, for formats that cannot hold them.

    kept: those that may stay. What stands for bytes that are no UTF-8 becomes U+FFFD.

    >>> visible("a\\x07b\\tc", kept="")
    'a␇b␉c'
    """
    if text.isprintable():
        return text
    return text.translate({code: seen for code, seen in _SEEN.items() if chr(code) not in kept})


_SEEN = {code: 0x2400 + code for code in range(32)} | {127: 0x2421}
_SEEN |= dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], 0xFFFD)  # XML has none of these


def layered(tiers):
    """Yield (name, [(start, end, label), ...]) of each tier, in order of time, none overlapping.

    tiers: {name: Tier}. What overlaps goes to further tiers, "name (2)" and so on, as few as will do.
    """
    for name, tier in tiers.items():
        starts, ends = np.asarray(tier.starts), np.asarray(tier.ends)
        order = np.lexsort((ends, starts))
        layers = _layers(starts[order], ends[order])
        more = (f"{name} ({number})" for number in itertools.count(2))
        names = itertools.chain([name], (other for other in more if other not in tiers))
        for layer, layer_name in zip(range(layers.max(initial=-1) + 1), names, strict=False):
            chosen = order[layers == layer].tolist()
            yield layer_name, [(tier.starts[i], tier.ends[i], tier.labels[i]) for i in chosen]


def _layers(starts, ends):
    """Return for each span, in order of start, the layer it goes to: the lowest that is free, from 0."""
    layers = np.zeros(len(starts), np.int64)
    if (starts[1:] >= ends[:-1]).all():
        return layers
    busy, free, made = [], [], 0
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, made)
            made += 1
        layers[i] = heapq.heappop(free)
        heapq.heappush(busy, (end, layers[i]))
    return layers
