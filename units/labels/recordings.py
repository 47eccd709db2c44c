"""The labels of many recordings, each on its tier, in 24 bytes per label."""

import heapq
import itertools
from array import array
from dataclasses import dataclass, field

import numpy as np

from units.files.text import visible
from units.labels.tiers import with_channel
from units.records import InputError


@dataclass
class Tier:
    """Labels in the order in which they came: starts and ends in s, labels as text."""

    starts: array = field(default_factory=lambda: array("d"))
    ends: array = field(default_factory=lambda: array("d"))
    labels: list = field(default_factory=list)


@dataclass
class LabelledRecording:
    """A recording: its file, its tiers by name, and the earliest possible end, in s."""

    audio_filepath: str | None
    tiers: dict = field(default_factory=dict)
    until: float = 0.0


class Recordings(dict):
    """Recordings by name, in the order in which they came."""

    def __init__(self, digits):
        """digits: decimals of a second that the format has."""
        super().__init__()
        self._digits = digits
        self._texts = {}  # one object for all equal labels

    def add(self, several):
        """Add the labels of a list of units.labels.spans.Spans, all or none.

        Raises InputError for a label that has zero duration in the format.
        """
        rounded = [[[round(t, self._digits) for t in times] for times in (s.starts, s.ends)] for s in several]
        for spans, (starts, ends) in zip(several, rounded, strict=True):
            for start, end, label in zip(starts, ends, spans.labels, strict=True):
                if start >= end:
                    raise InputError(f"label {str(label)!r} at {start} s has zero duration")
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
        return self._texts.setdefault(label, visible(label, kept="\t\n")) if text is None else text


def layered(tiers):
    """Yield (name, [(start, end, label), ...]) of each tier, in order of time, without overlaps.

    tiers: {name: Tier}. Overlapping labels go to further tiers, "name (2)" and so on, as few as possible.
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
