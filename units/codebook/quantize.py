"""Frames to units: the nearest centroid of each frame, or the best sequence with a penalty per change."""

import itertools

import numpy as np

from units.codebook.runs import run_starts
from units.records import InputError

_BLOCK = (
    2048  # frames whose distances to all centroids are computed at once; they fit in the processor's cache
)
_TOLERANCE = 1e-3  # relative, of the penalty that is searched for


def assign(frames, centroids):
    """Return the nearest centroid of each frame, by Euclidean distance; of equals the first.

    frames: (N, D) float32; centroids: (K, D) float32. Returns (N,) int64.

    >>> assign(np.array([[0.1], [0.9]]), np.array([[0.0], [1.0]]))
    array([0, 1])
    """
    units = np.empty(len(frames), np.int64)
    for start, scores in _scores(frames, centroids):
        scores.argmax(axis=1, out=units[start : start + len(scores)])
    return units


def _scores(frames, centroids):
    """Yield (start, (n, K) scores) of successive frames, in the same array each time.

    |f - c|^2 = |f|^2 - 2 (f.c - |c|^2 / 2), and |f|^2 is the same for all c, so the nearest has the highest
    score.
    """
    half_norms = 0.5 * np.square(centroids).sum(axis=1)
    whole = np.empty((min(_BLOCK, len(frames)), len(centroids)), np.result_type(frames, centroids))
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK]
        scores = np.matmul(block, centroids.T, out=whole[: len(block)])
        scores -= half_norms
        yield start, scores


def _viterbi(blocks, size, penalty):
    # total: cost of the best path that ends in each unit, minus the cost of the best path of all
    total, changed, bests = np.zeros(size), [], []
    for scores in blocks:
        costs = -2.0 * scores.astype(np.float64)
        changes = np.empty(costs.shape, bool)
        for cost, change in zip(costs, changes, strict=True):
            best = total.argmin()
            bests.append(int(best))
            total -= total[best]
            np.greater(total, penalty, out=change)
            np.minimum(total, penalty, out=total)
            total += cost
        changed.append(np.packbits(changes, axis=1))
    return _trace(int(total.argmin()), changed, bests)


def _trace(unit, changed, bests):
    """Return the path that ends in a unit. Before a change, it was in the best unit of the frame before."""
    units = np.empty(len(bests), np.int64)
    frame = len(bests)
    for bits in reversed(changed):
        byte, mask = unit >> 3, 128 >> (unit & 7)
        for row in bits[::-1]:
            frame -= 1
            units[frame] = unit
            if row[byte] & mask:
                unit = bests[frame]
                byte, mask = unit >> 3, 128 >> (unit & 7)
    return units


def quantize(frames, book, penalty=0.0):
    """Return the units of one record's (N, D) frames in a codebook, smoothed if the penalty is above 0.

    The units minimise sum |frame - centroid|^2 + penalty * (number of changes) exactly, by Viterbi in O(N K)
    time. The normalised frames of a long record are never held completely. Raises InputError if the frames
    have another D than the codebook.
    """
    blocks = (block for _, block in book.blocks(frames))
    if not penalty:
        units = [assign(block, book.centroids) for block in blocks]
        return np.concatenate(units) if units else np.empty(0, np.int64)
    scores = (scores for block in blocks for _, scores in _scores(block, book.centroids))
    return _viterbi(scores, len(book.centroids), penalty)


def penalty_for_rate(samples, book, rate_hz):
    """Return the smallest penalty, within 0.1 %, that leaves at most rate_hz runs per second in some records.

    samples: [((N, D) frames, frame_shift in s), ...]. The number of runs cannot rise with the penalty, so
    bisection finds it. It is 0 if no smoothing is needed. Raises InputError if one run per record is still
    too much.
    """
    seconds = sum(len(frames) * frame_shift for frames, frame_shift in samples)
    wanted = rate_hz * seconds
    if not seconds or sum(1 for frames, _ in samples if len(frames)) > wanted:
        raise InputError(
            f"{len(samples)} records ({seconds:.1f} s) always have more than {rate_hz:g} runs per second"
        )

    def too_many(penalty):
        return sum(len(run_starts(quantize(frames, book, penalty))) for frames, _ in samples) > wanted

    if not too_many(0.0):
        return 0.0
    low, high = 0.0, next(power for power in (4.0**n for n in itertools.count()) if not too_many(power))
    while high - low > _TOLERANCE * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if too_many(middle) else (low, middle)
    return float(f"{high:.5g}")
