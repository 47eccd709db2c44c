"""Pauses, found from units alone: the units at the edges of recordings, and their neighbours.

Segments begin and end in silence (su-segment(1) cuts there). So a hidden Markov model of two states, pause
and speech, is trained on the corpus. At first, pauses have the units of the edges and speech those of all
recordings.
"""

import numpy as np

from units.records import warn

EDGE = 3  # runs at each end of a recording
_LEAST_KL = 0.7  # nats by which the edges must differ from the rest; otherwise nothing is a pause
_MOST = 0.6  # largest share of pauses among the runs; with more, the model has learned something else
_ROUNDS = 20
_TRAINED_ON = 200_000  # runs
_STAY = ((0.8, 0.2), (0.03, 0.97))  # at first
_AT_EDGE = np.array([0.95, 0.05])  # of pause and speech
_CELLS = 1 << 21  # runs of a batch


def find_pauses(sequences, size):
    """Return for each sequence which of its runs are pauses, (R,) bool.

    sequences: list of (R,) int arrays of units below size, one per recording.
    """
    none = [np.zeros(len(units), bool) for units in sequences]
    model = _start(sequences, size)
    if model is None:
        return none
    batches = list(_batches(sequences))
    trained_on = _first(batches, _TRAINED_ON)
    for _ in range(_ROUNDS):
        model = _train(model, trained_on, size)
    found = list(none)
    for index, units in batches:
        posterior, _ = _posteriors(model, units)
        for column, i in enumerate(index):
            found[i] = posterior[: len(sequences[i]), column] > 0.5
    share = sum(pause.sum() for pause in found) / sum(map(len, found))
    if share <= _MOST:
        return found
    warn(f"{share:.0%} of all runs of units look like pauses, so none is left out")
    return none


def _start(sequences, size):
    """Return the (emissions, transitions) to begin with, or None if the edges are like all the rest."""
    long = [units for units in sequences if len(units) > 2 * EDGE]
    if not long:
        return None
    edges = np.concatenate([part for units in long for part in (units[:EDGE], units[-EDGE:])])
    every = np.bincount(np.concatenate(long), minlength=size)
    at_edge = np.bincount(edges, minlength=size)
    seen = at_edge > 0
    share, usual = at_edge / at_edge.sum(), every / every.sum()
    kl = (share[seen] * np.log(share[seen] / usual[seen])).sum()
    bias = (seen.sum() - 1) / (2 * len(edges))  # Miller 1955: a correction for small counts
    if kl - bias < _LEAST_KL:
        return None
    emissions = np.stack([share, usual]) + 1e-4 / size
    return emissions / emissions.sum(axis=1, keepdims=True), np.array(_STAY)


def _batches(sequences):
    """Yield (indices of sequences, (M, S) int of their units, padded with -1), sequences of similar length
    together."""
    order = sorted((i for i in range(len(sequences)) if len(sequences[i])), key=lambda i: -len(sequences[i]))
    while order:
        longest = len(sequences[order[0]])
        index, order = order[: max(1, _CELLS // longest)], order[max(1, _CELLS // longest) :]
        units = np.full((longest, len(index)), -1)
        for column, i in enumerate(index):
            units[: len(sequences[i]), column] = sequences[i]
        yield index, units


def _first(batches, most):
    """Return every n-th column of the batches, so that they hold about `most` runs."""
    runs = sum(int((units >= 0).sum()) for _, units in batches)
    every = max(1, runs // most)
    return [units[:, ::every] for _, units in batches]


def _train(model, batches, size):
    """Return the model after one round of Baum and Welch."""
    emitted, moved = np.full((2, size), 1e-3), np.full((2, 2), 1e-3)
    for units in batches:
        pause, moves = _posteriors(model, units)
        said = units >= 0
        emitted[0] += np.bincount(units[said], pause[said], minlength=size)
        emitted[1] += np.bincount(units[said], 1 - pause[said], minlength=size)
        moved += moves
    return emitted / emitted.sum(axis=1, keepdims=True), moved / moved.sum(axis=1, keepdims=True)


def _posteriors(model, units):
    """Return ((M, S) float, probabilities that runs are pauses; (2, 2), counts of transitions)."""
    emissions, transitions = model
    said = units >= 0
    likely = np.where(said[:, None], emissions[:, np.maximum(units, 0)].transpose(1, 0, 2), 1.0)  # (M, 2, S)
    forward = np.empty_like(likely)
    scale = np.ones(units.shape)
    for t in range(len(units)):
        before = transitions.T @ forward[t - 1] if t else _AT_EDGE[:, None]
        forward[t] = before * likely[t]
        scale[t] = forward[t].sum(axis=0)
        forward[t] /= scale[t]
    over = np.repeat(_AT_EDGE[:, None], units.shape[1], axis=1)
    backward, moves = over, np.zeros((2, 2))
    pause = np.zeros(units.shape)
    for t in reversed(range(len(units))):
        ends = ~said[t + 1] if t + 1 < len(units) else np.ones(units.shape[1], bool)
        if t + 1 < len(units):
            ahead = likely[t + 1] * backward / scale[t + 1]
            backward = np.where(ends, over, transitions @ ahead)
            weight = np.where(ends, 0.0, 1 / np.maximum((forward[t] * backward).sum(axis=0), 1e-300))
            moves += transitions * ((forward[t] * weight) @ ahead.T)
        joint = forward[t] * backward
        pause[t] = joint[0] / np.maximum(joint.sum(axis=0), 1e-300)
    return np.where(said, pause, 0.0), moves
