"""Hidden Markov models of utterances: words of phones in order, with optional silences around them."""

import numpy as np

MIN_FRAMES = 2  # of a phone or a silence
PAUSE = -4.0  # log probability of a silence between words
_BATCH = 64
_NEVER = -1e30


class Graph:
    """The states of an utterance: MIN_FRAMES for each phone and silence; only the last of them repeats.

    phones: the label number of each state. may_skip: states that may also follow the one before the
    silence before them.
    """

    def __init__(self, words, silence):
        units, after_pause = [silence], []
        for word in words:
            after_pause.append(len(units))
            units += [*word, silence]
        self.units = np.array(units)
        self.phones = np.repeat(self.units, MIN_FRAMES)
        self.may_skip = np.zeros(len(self.phones), bool)
        self.may_skip[[unit * MIN_FRAMES for unit in after_pause]] = True
        self.pauses = np.zeros(len(self.phones), np.float32)
        self.pauses[::MIN_FRAMES] = np.where(self.units == silence, PAUSE, 0)
        self.pauses[-MIN_FRAMES] = 0
        self.least = MIN_FRAMES * int(np.sum(self.units != silence))


def align(graphs, scores):
    """Return for each graph the unit of each of its frames, by Viterbi's algorithm; None if they do not fit.

    scores: function of i that returns the (T, labels) log likelihoods of the frames of utterance i.
    """
    found = [None] * len(graphs)
    order = sorted(range(len(graphs)), key=lambda i: len(graphs[i].phones))
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        paths = _align_batch([graphs[i] for i in batch], [scores(i) for i in batch])
        for i, path in zip(batch, paths, strict=True):
            found[i] = path
    return found


def _align_batch(graphs, scores):
    lengths = [len(score) for score in scores]
    width = max(len(graph.phones) for graph in graphs)
    emissions = np.full((max(lengths), len(graphs), width), _NEVER, np.float32)
    repeats, skips = np.full((2, len(graphs), width), _NEVER, np.float32)
    enters = np.zeros((len(graphs), width), np.float32)
    for row, (graph, score) in enumerate(zip(graphs, scores, strict=True)):
        size = len(graph.phones)
        emissions[: len(score), row, :size] = score[:, graph.phones]
        emissions[len(score) :, row, :size] = 0
        repeats[row, MIN_FRAMES - 1 : size : MIN_FRAMES] = 0
        skips[row, :size][graph.may_skip] = 0
        enters[row, :size] = graph.pauses
    from_where = _forward(emissions, repeats, skips, enters)
    return [
        _backward(from_where, row, graph, length)
        for row, (graph, length) in enumerate(zip(graphs, lengths, strict=True))
    ]


def _forward(emissions, repeats, skips, enters):
    """Return (moves (T, B, S), best): how many states back the best path came from."""
    frames, rows, width = emissions.shape
    jump = MIN_FRAMES + 1
    moves = np.zeros((frames, rows, width), np.int8)
    totals = np.empty((frames, rows, width), np.float32)
    padded = np.full((rows, width + jump), _NEVER, np.float32)  # state s is at s + jump
    now = np.full((rows, width), _NEVER, np.float32)
    now[:, 0] = 0
    now[:, MIN_FRAMES] = 0
    totals[0] = now + emissions[0]
    for frame in range(1, frames):
        padded[:, jump:] = totals[frame - 1]
        stay = padded[:, jump:] + repeats
        step = padded[:, jump - 1 : -1] + enters
        skip = padded[:, :width] + skips
        best = np.maximum(stay, step)
        moves[frame] = step > stay
        moves[frame][skip > best] = jump
        totals[frame] = np.maximum(best, skip) + emissions[frame]
    return moves, totals


def _backward(from_where, row, graph, length):
    moves, totals = from_where
    last = len(graph.phones) - 1
    ends = (last, last - MIN_FRAMES)  # with or without silence
    state = max(ends, key=lambda end: totals[length - 1, row, end])
    if totals[length - 1, row, state] < _NEVER / 2:
        return None
    path = np.empty(length, int)
    for frame in range(length - 1, -1, -1):
        path[frame] = state
        state -= int(moves[frame, row, state])
    return path // MIN_FRAMES


def flat_path(graph, loud, silence):
    """Return a first path: the phones share the loud frames equally; None if there are too few of them."""
    phones = np.flatnonzero(graph.units != silence)
    count = int(loud.sum())
    if count < graph.least:
        return None
    path = np.zeros(len(loud), int)
    path[loud] = phones[np.arange(count) * len(phones) // count]
    return path


class Gaussians:
    """A mean per label and one covariance for all."""

    def __init__(self, frames, labels, count):
        self._means = np.zeros((count, frames.shape[1]), np.float32)
        for label in np.unique(labels):
            self._means[label] = frames[labels == label].mean(0)
        within = np.cov((frames - self._means[labels]).T).astype(np.float32)
        self._inverse = np.linalg.inv(within + 1e-3 * np.eye(len(within), dtype=np.float32))
        self._seen = np.bincount(labels, minlength=count) >= 20

    def __call__(self, frames):
        """Return the (T, labels) log likelihoods, but for a constant."""
        weights = self._means @ self._inverse
        scores = frames @ weights.T - 0.5 * np.sum(weights * self._means, axis=1)
        return np.where(self._seen, scores, scores.min(1, keepdims=True))
