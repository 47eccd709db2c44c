"""A uniform sample of a corpus's frames in one pass, and weights that make groups of them equal."""

import numpy as np

from units.records import InputError


class Reservoir:
    """A uniform sample, of at most `size`, of all frames that are added: one pass, bounded memory.

    Vitter's algorithm R, one block at a time (ACM TOMS 11(1), 1985). context: number of consecutive frames
    that are concatenated in each row of the sample, centred on the sampled one.
    """

    def __init__(self, size, seed, context=1):
        self.size, self.context, self.seen = size, context, 0
        self._random = np.random.default_rng(seed)
        self._rows = np.empty((0, 0), np.float32)
        self._groups, self._heard = np.empty(0, np.int32), set()

    def add(self, frames, group=0):
        """Add the (N, D) frames of one record. Raises InputError if their D differs from that of earlier
        frames.

        group: a number that `groups` returns, such as that of the speaker.
        """
        width = frames.shape[1] * self.context
        if not self._rows.shape[1]:
            self._rows = np.empty((0, width), np.float32)
        if width != self._rows.shape[1]:
            before = self._rows.shape[1] // self.context
            raise InputError(
                f"these frames have {frames.shape[1]} dimensions, but earlier ones have {before}"
            )
        room = max(0, min(len(frames), self.size - self.seen))
        self._grow(self.seen + room)
        slots = self._random.integers(0, self.seen + room + 1 + np.arange(len(frames) - room))
        # Of frames that fall into the same slot the last is kept, as if they came one at a time.
        slots = np.concatenate([np.arange(self.seen, self.seen + room), slots])
        kept = np.flatnonzero(slots < self.size)
        side = self.context // 2
        near = np.clip(kept[:, None] + np.arange(-side, side + 1), 0, max(0, len(frames) - 1))
        self._rows[slots[kept]] = frames[near].reshape(len(kept), width)
        self._groups[slots[kept]] = group
        self.seen += len(frames)
        if len(frames):
            self._heard.add(group)

    def _grow(self, needed):
        """Make room: realloc moves pages, not bytes, so a large sample is never copied."""
        if needed > len(self._rows):
            length = min(self.size, max(needed, len(self._rows) + len(self._rows) // 8 + 4096))
            self._rows.resize((length, self._rows.shape[1]), refcheck=False)
            self._groups.resize(length, refcheck=False)

    def frames(self):
        """Return the (min(size, seen), context * D) float32 sample: the reservoir's own memory."""
        return self._rows[: min(self.size, self.seen)]

    def groups(self):
        """Return the group of each row of the sample, (min(size, seen),) int32."""
        return self._groups[: min(self.size, self.seen)]

    def unheard(self):
        """Return the number of groups that have frames in the corpus but none in the sample."""
        return len(self._heard - set(self.groups().tolist()))


def group_weights(groups):
    """Return a weight per frame that gives all groups the same total weight; the mean weight is 1.

    >>> group_weights(np.array([0, 0, 0, 1])).tolist()
    [0.6666666865348816, 0.6666666865348816, 0.6666666865348816, 2.0]
    """
    _, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return (len(index) / len(counts) / counts[index]).astype(np.float32)
