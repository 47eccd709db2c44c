"""Dynamic time warping of many short pairs at once, its cost normalised by the length of the path.

Sakoe and Chiba 1978, steps (1, 0), (0, 1), (1, 1), all of weight one. A pair of triphones has some
200 cells, so one pair at a time is all overhead: here a batch of pairs walks its anti-diagonals together.
"""

import numpy as np

BATCH = 512  # pairs computed together; one step fits in the processor's cache


def warp(distances, rows, columns):
    """Return the mean distance along the cheapest path of each pair, (P,) float32.

    distances: (N, M, P) float32 between the frames of two sequences, padded with anything; rows, columns:
    (P,) lengths, 1 to N and to M. Of equally cheap steps the diagonal one is taken, else the one whose path
    is shorter: so the distance is the same whichever sequence comes first.

    >>> warp(np.array([[[0.0], [1.0]], [[1.0], [0.5]]], np.float32), np.array([2]), np.array([2]))
    array([0.25], dtype=float32)
    """
    height, width, pairs = distances.shape
    cells = distances.reshape(height * width, pairs)
    last = rows + columns - 2
    result = np.empty(pairs, np.float32)
    # Row i of a diagonal is at i + 1. Cells outside the matrix are never written and remain infinite.
    costs = np.full((3, height + 1, pairs), np.inf, np.float32)
    steps = np.zeros((3, height + 1, pairs), np.float32)
    costs[1, 0], lowest = 0.0, int(last.min())
    for k in range(int(last.max()) + 1):
        low, high = max(0, k - width + 1), min(height - 1, k) + 1
        here, before, across = k % 3, (k - 1) % 3, (k - 2) % 3
        # cell (i, k - i) is i * width + k - i = k + i * (width - 1)
        local = cells[k + low * (width - 1) :: max(1, width - 1)][: high - low]
        best, length = _cheapest(costs, steps, before, across, low, high)
        np.add(best, local, out=costs[here, low + 1 : high + 1])
        np.add(length, 1, out=steps[here, low + 1 : high + 1])
        if k == 0:
            costs[1, 0] = np.inf  # only the first cell may be entered from outside
        if k >= lowest:
            ended = np.flatnonzero(last == k)
            result[ended] = costs[here, rows[ended], ended] / steps[here, rows[ended], ended]
    return result


def _cheapest(costs, steps, before, across, low, high):
    """Return the cost and length of the best way into rows low..high-1 of a diagonal."""
    up, left, diagonal = costs[before, low:high], costs[before, low + 1 : high + 1], costs[across, low:high]
    up_length, left_length = steps[before, low:high], steps[before, low + 1 : high + 1]
    best = np.minimum(up, left)
    length = np.where(up < left, up_length, left_length)
    np.minimum(up_length, left_length, out=length, where=up == left)
    straight = diagonal <= best
    np.copyto(best, diagonal, where=straight)
    np.copyto(length, steps[across, low:high], where=straight)
    return best, length


def local_distances(one, other, metric):
    """Return the distance of each frame of one to each of other, (A, B) float32.

    one, other: (A,) and (B,) int units, with distance 0 if equal and otherwise 1; or (A, D) and
    (B, D) float32 frames of unit length (see `unit_length`) with metric "cosine", 1 - cos, or "angular",
    arccos(cos) / pi.

    >>> local_distances(np.array([3, 5]), np.array([3]), None)
    array([[0.],
           [1.]], dtype=float32)
    """
    if one.ndim == 1:
        return (one[:, None] != other).astype(np.float32)
    cosine = np.clip(one @ other.T, -1.0, 1.0)
    if metric == "cosine":
        return 1 - cosine
    return np.arccos(cosine, out=cosine) / np.float32(np.pi)


def unit_length(frames):
    """Return (N, D) float32 frames scaled to length one; frames of zeros remain zero, orthogonal to all."""
    frames = np.asarray(frames, np.float32)
    lengths = np.linalg.norm(frames.astype(np.float64), axis=1, keepdims=True)
    return (frames / np.where(lengths > 0, lengths, 1)).astype(np.float32)
