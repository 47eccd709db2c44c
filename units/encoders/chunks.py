"""Overlapping chunks of a long recording, and the frames that are kept of each."""

from dataclasses import dataclass

from units.audio.timing import HOP, RECEPTIVE_FIELD


@dataclass(frozen=True)
class Chunk:
    """Frames [first, last) of a recording are computed; [first + skip, first + skip + count) are kept."""

    first: int
    last: int
    skip: int
    count: int

    @property
    def samples(self):
        """The slice of the recording that these frames are computed from."""
        return slice(self.first * HOP, (self.last - 1) * HOP + RECEPTIVE_FIELD)


def chunks(frames, most, margin):
    """Return the Chunks that together keep each of `frames` frames once, in order.

    most: largest number of frames computed at once, above 2 * margin. margin: frames computed and then
    dropped at each end that is not an end of the recording. Chunks keep equal numbers of frames, so that none
    is short.

    >>> [(c.first, c.last, c.skip, c.count) for c in chunks(10, 6, 1)]
    [(0, 5, 0, 4), (3, 9, 1, 4), (7, 10, 1, 2)]
    """
    if frames <= most:
        return [Chunk(0, frames, 0, frames)] if frames else []
    number = -(-frames // (most - 2 * margin))
    size = -(-frames // number)
    starts = range(0, frames, size)
    return [
        Chunk(max(0, s - margin), min(frames, s + size + margin), min(s, margin), min(size, frames - s))
        for s in starts
    ]
