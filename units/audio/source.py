"""A recording as one decode of its file: any span of it, exact to the sample at the file's own rate.

Most compressed formats cannot be entered in the middle: what a decoder gives depends on all it has read
before. So a span is cut from a decode that began at the beginning of the file, or, if the format allows
it, far enough before the span that nothing earlier has an influence.
"""

from collections import deque

import numpy as np


class Source:
    """An open recording. A subclass says how it is decoded from a place on; `read` gives spans of that.

    rate: Hz; channels: how many; frames: samples per channel as the header gives them, None if it does not;
    preroll: how many samples before a span decoding has to begin, None if at the beginning of the file.
    Spans asked for in the order of time cost one decode in all: the last `kept` samples can be read again. If
    a file has to be decoded from the beginning once more, as many are kept as fit in half a gigabyte.
    """

    preroll = None
    frames = None
    _MEMORY = 1 << 29  # bytes of decoded samples that are kept of a file that was asked for out of order

    def __init__(self, path, rate, channels, kept):
        self.path, self.rate, self.channels, self.kept = path, rate, channels, kept
        self._chunks, self._held, self._end, self._sure = None, deque(), 0, 0

    def decode(self, start=0):
        """Yield (place, (n, channels) float32) in order, from the sample `start` or somewhat before it on.

        From 0 on it raises InputError if the file is damaged, or ends before its header says.
        """
        raise NotImplementedError

    def read(self, start, stop):
        """Return the samples from start to stop: (n, channels) float32, fewer if the recording ends there."""
        if self._chunks is None or start < self._begin() or self._is_far(start):
            if self._chunks and self.preroll is None:
                self.kept = max(self.kept, self._MEMORY // (4 * self.channels))
            self._held.clear()
            self._sure = 0 if self.preroll is None else start  # what comes before may lack a part
            self._chunks, self._end = self.decode(self._sure), 0
        try:
            while self._end < stop and (chunk := next(self._chunks, None)):
                self._held.append(chunk)
                self._end = chunk[0] + len(chunk[1])
                while len(self._held) > 1 and self._held[1][0] <= min(start, self._end - self.kept):
                    self._held.popleft()
        except BaseException:
            self._chunks = None  # so that the fault does not affect the next span
            raise
        parts = [samples[max(0, start - place) : max(0, stop - place)] for place, samples in self._held]
        return np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)

    def _begin(self):
        return max(self._sure, self._held[0][0] if self._held else 0)

    def _is_far(self, start):
        return self.preroll is not None and start > self._end + 2 * self.preroll

    def close(self):
        """Let go of the file."""
        self._chunks = None
        self._held.clear()
