"""Moments of a recording that several records share; each of them counts once.

A phrase and a word of it on another tier are two records of the same seconds, but the word was spoken once.
So each moment belongs to one record: the longest that has it; of equally long ones the one that begins first,
then the one whose id sorts first. The order of the input does not matter.

Records belong to the same recording if they name the same file (./a.wav is a.wav), or the same id if they
name no file. Channels are different moments only if both records name one and they differ: a record without a
channel is a mix of all.
"""

import bisect
import os

import numpy as np

from units.records import warn


def recording_of(audio_filepath, id_):
    """Return what identifies a recording: the normalised name of its file, or its id if no file is known.

    >>> recording_of("./a.wav", "a-1")
    'a.wav'
    """
    return str(id_) if audio_filepath is None else os.path.normpath(audio_filepath)


def may_be_same(channel, other):
    """Return whether records of these channels of a file may share moments; None is the mix."""
    return channel is None or other is None or channel == other


def same(start, end, other_start, other_end):
    """Return whether two spans of a recording are one moment: they share more than half of the shorter.

    >>> same(0.0, 1.0, 0.5, 9.0), same(0.0, 1.0, 0.4, 9.0)
    (False, True)
    """
    shared = min(end, other_end) - max(start, other_start)
    return 2 * shared > min(end - start, other_end - other_start) + 1e-9


def owned(recordings):
    """Return for each recording the runs that belong to it, (R,) bool: others have less than half of them.

    recordings: each with edges (R + 1,) in s, id, audio_filepath and channel. Warns, once, if some do not.
    """
    found = [np.ones(len(recording.edges) - 1, bool) for recording in recordings]
    shared = 0
    for group in _overlapping(recordings):
        for i, covered in _covered(recordings, group):
            times = np.diff(recordings[i].edges)
            found[i] = 2 * np.diff(covered) <= times + 1e-9
            shared += not found[i].all()
    if shared:
        warn(f"{shared} records share moments of their recordings with longer ones; each moment counts once")
    return found


def _overlapping(recordings):
    """Yield lists of indices of recordings of one file that overlap in time."""
    groups = {}
    for i, recording in enumerate(recordings):
        if len(recording.edges) > 1:
            groups.setdefault(recording_of(recording.audio_filepath, recording.id), []).append(i)
    for group in groups.values():
        spans = sorted((recordings[i].edges[0], recordings[i].edges[-1]) for i in group)
        ends = np.maximum.accumulate([end for _, end in spans])
        if any(start < end - 1e-9 for (start, _), end in zip(spans[1:], ends, strict=False)):
            yield group


def _covered(recordings, group):
    """Yield (i, covered): seconds before each edge of recording i that longer ones have; (R + 1,) float."""
    channels = {recordings[i].channel for i in group} | {None}
    taken = {
        channel: _Union() for channel in channels
    }  # under None all channels, otherwise that channel and the mix
    for i in sorted(group, key=lambda i: _rank(recordings[i], i)):
        edges, channel = recordings[i].edges, recordings[i].channel
        yield i, taken[channel].up_to(edges)
        for other in channels if channel is None else (channel, None):
            taken[other].add(float(edges[0]), float(edges[-1]))


def _rank(recording, index):
    start, end = float(recording.edges[0]), float(recording.edges[-1])
    return -round(end - start, 6), start, str(recording.id), index


class _Union:
    """Stretches of time that do not touch, in order."""

    def __init__(self):
        self.starts, self.ends = [], []

    def _range(self, start, end):
        return bisect.bisect_left(self.ends, start), bisect.bisect_right(self.starts, end)

    def add(self, start, end):
        """Add the stretch from start to end."""
        first, last = self._range(start, end)
        if first < last:
            start, end = min(start, self.starts[first]), max(end, self.ends[last - 1])
        self.starts[first:last], self.ends[first:last] = [start], [end]

    def up_to(self, edges):
        """Return the covered time between the first edge and each edge, (R + 1,) float."""
        first, last = self._range(float(edges[0]), float(edges[-1]))
        total = np.zeros(len(edges))
        for start, end in zip(self.starts[first:last], self.ends[first:last], strict=True):
            total += np.clip(edges, start, end) - start
        return total - total[0]
