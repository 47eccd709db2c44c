"""The triphones of a corpus, and their frames of units or features."""

from dataclasses import dataclass

import numpy as np

from units.labels.frames import centres

_GAP = 0.001  # s; phones this close are neighbours
_EPSILON = 1e-7


@dataclass(frozen=True)
class Triphones:
    """Triphones, one per entry of each array (T,): their times, context, phone and speaker.

    record: index; begin, end: s; context, phone, speaker: int.
    """

    record: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    context: np.ndarray
    phone: np.ndarray
    speaker: np.ndarray

    def __len__(self):
        return len(self.record)

    def take(self, index):
        """Return the triphones of an index array."""
        return Triphones(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def spans_of_three(spans):
    """Yield (begin, end, (before, after), phone) of each phone with adjacent phones before and after it.

    spans: [[start, end, label], ...] of speech, in s, in order.

    >>> list(spans_of_three([[0.0, 0.1, "b"], [0.1, 0.2, "i"], [0.2, 0.3, "t"], [0.5, 0.6, "a"]]))
    [(0.0, 0.3, ('b', 't'), 'i')]
    """
    for before, middle, after in zip(spans, spans[1:], spans[2:], strict=False):
        if middle[0] - before[1] < _GAP and after[0] - middle[1] < _GAP:
            yield before[0], after[1], (before[2], after[2]), middle[2]


def triphones(records):
    """Return the Triphones of Aligned records; records without a speaker count as one speaker."""
    contexts, phones, speakers = {}, {}, {}
    rows = [
        (
            number,
            begin,
            end,
            contexts.setdefault(context, len(contexts)),
            phones.setdefault(phone, len(phones)),
            speakers.setdefault(record.speaker, len(speakers)),
        )
        for number, record in enumerate(records)
        for begin, end, context, phone in spans_of_three(record.spans)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 6
    types = (np.int64, np.float64, np.float64, np.int64, np.int64, np.int64)
    return Triphones(*(np.array(column, kind) for column, kind in zip(columns, types, strict=True)))


def sample(tokens, most, seed=0):
    """Return the triphones with at most `most` per context, phone and speaker, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(tokens))
    order = order[np.lexsort((tokens.speaker[order], tokens.phone[order], tokens.context[order]))]
    keys = np.stack([tokens.context, tokens.phone, tokens.speaker])[:, order]
    new = np.concatenate([[True], (keys[:, 1:] != keys[:, :-1]).any(axis=0)])[: len(order)]
    rank = np.arange(len(order)) - np.flatnonzero(new)[np.cumsum(new) - 1] if len(order) else order
    return tokens.take(np.sort(order[rank < most]))


def sample_contexts(tokens, most, seed=0):
    """Return the triphones of complete contexts, drawn at random, with at most `most` pairs in total.

    At least one context is kept. Tests never go across contexts, so each one kept is tested in full; what
    they cost grows with the square of its size.
    """
    contexts, counts = np.unique(tokens.context, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(contexts))
    kept = np.cumsum((counts * (counts - 1) // 2)[order]) <= most
    kept[:1] = True
    return tokens.take(np.flatnonzero(np.isin(tokens.context, contexts[order[kept]])))


@dataclass(frozen=True)
class Tokens:
    """Triphones to compare, one per entry of each array (T,), and the range of their frames.

    context, phone, speaker: int; start, length: frames, from start in the array of all frames.
    """

    context: np.ndarray
    phone: np.ndarray
    speaker: np.ndarray
    start: np.ndarray
    length: np.ndarray

    def __len__(self):
        return len(self.start)

    def take(self, index):
        """Return the tokens of an index array."""
        return Tokens(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def frame_range(begin, end, frames, frame_shift):
    """Return first frame and number of frames whose centres lie from begin to end, (T,) int64 each.

    begin, end: (T,) s; frames: how many there are.

    >>> frame_range(np.array([0.0]), np.array([0.0525]), 10, 0.02)
    (array([0]), array([2]))
    """
    at = centres(frames, frame_shift)
    first = np.searchsorted(at, begin - _EPSILON)
    return first, np.searchsorted(at, end - _EPSILON) - first


class TokenFrames:
    """Collects, record by record, only the frames that triphones need."""

    def __init__(self, triphones):
        self._triphones = triphones  # in order of record
        self._start = np.zeros(len(triphones), np.int64)
        self._length = np.zeros(len(triphones), np.int64)
        self._parts, self._total = [], 0

    def add(self, number, frames, frame_shift):
        """Add the needed frames of a record: (N,) units or (N, D) features."""
        low, high = np.searchsorted(self._triphones.record, [number, number + 1])
        begin, end = self._triphones.begin[low:high], self._triphones.end[low:high]
        first, length = frame_range(begin, end, len(frames), frame_shift)
        edges = np.bincount(first, minlength=len(frames) + 1) - np.bincount(
            first + length, minlength=len(frames) + 1
        )
        used = np.cumsum(edges)[:-1] > 0
        self._start[low:high] = self._total + np.concatenate([[0], np.cumsum(used)])[first]
        self._length[low:high] = length
        self._parts.append(np.asarray(frames)[used])
        self._total += int(used.sum())

    def tokens(self):
        """Return (Tokens, frames): the triphones that have a frame, and the (F,) or (F, D) frames."""
        kept = np.flatnonzero(self._length)
        which = self._triphones.take(kept)
        tokens = Tokens(which.context, which.phone, which.speaker, self._start[kept], self._length[kept])
        return tokens, np.concatenate(self._parts) if self._parts else np.zeros(0)
