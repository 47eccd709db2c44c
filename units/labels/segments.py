"""Labels as records of the spans that they mark, each a segment that every tool reads."""

from units.audio.reading import length
from units.audio.timing import FRAME_SHIFT
from units.labels.tiers import channel_of
from units.records import InputError, warn


class Segments:
    """Makes records of the labels of one file after another, with different ids."""

    def __init__(self):
        self._ids = set()

    def of(self, labels, tiers, name, audio_filepath, path, on_fault):
        """Yield a record of each label.

        labels: units.labels.tiers.Labels; tiers: the tiers to use; name: begins the ids; path: the label
        file. A label that ends after the recording is cut there, which is reported if it is by more than a
        frame; a point has no duration and is reported. on_fault gets the InputError of each label that starts
        after the end of the recording.
        """
        end = length(audio_filepath)
        for tier, spans in tiers.items():
            points, channel = [], channel_of(tier)
            fields = labels.fields if channel is None else {"channel": channel, **labels.fields}
            for span in spans:
                try:
                    start, stop, label = _within(span, end, audio_filepath)
                except InputError as error:
                    on_fault(InputError(f"{path}: tier {tier!r}: {error}"))
                    continue
                if span[1] > stop + FRAME_SHIFT:
                    warn(f"{path}: tier {tier!r}: {label!r} was cut at {stop} s, the end of {audio_filepath}")
                if round(stop - start, 6) <= 0:
                    points.append(span)
                    continue
                times = "-".join(f"{round(1000 * time):08d}" for time in (start, stop))
                yield {
                    "id": self._unused(f"{name}-{tier}-{times}".replace("/", "_")),
                    "audio_filepath": audio_filepath,
                    "offset": start,
                    "duration": round(stop - start, 6),
                    **fields,
                    "tier": tier,
                    "label": label,
                }
            _report_points(points, tier, path)

    def _unused(self, name):
        number, unused = 1, name
        while unused in self._ids:
            number += 1
            unused = f"{name}-{number}"
        self._ids.add(unused)
        return unused


def _within(span, end, audio_filepath):
    start, stop, label = span
    if end is None:
        return span
    if start >= end and stop > end:
        raise InputError(f"{label!r} starts at {start} s, after the end of {audio_filepath} at {end:.3f} s")
    return start, min(stop, round(end, 6)), label


def _report_points(points, tier, path):
    if points:
        start, _, label = points[0]
        more = f" and {len(points) - 1} more have" if len(points) > 1 else " has"
        warn(f"{path}: tier {tier!r}: {label!r} at {start} s{more} no duration; skipped")
