"""Mel-cepstral distortion on the spectral envelopes of WORLD. The home of pyworld's envelopes.

(10 / ln 10) sqrt(2 sum_{d=1..24} (c_d - c'_d)^2) dB, the mean over frames of 5 ms; c_0, which is loudness, is
left out (Kubichek 1993, doi 10.1109/PACRIM.1993.407206). Envelopes: CheapTrick (Morise 2015, doi
10.1016/j.specom.2014.09.003). Warping: the all-pass of Oppenheim and Johnson 1972 (doi
10.1109/PROC.1972.8727), alpha 0.42, which follows the mel scale at 16 kHz.
"""

from functools import lru_cache

import numpy as np
import pyworld

from units.audio.pitch import CEILING_HZ, FLOOR_HZ
from units.audio.timing import RATE

ORDER, ALPHA = 24, 0.42
FRAME_MS = 5.0
_HOP = round(RATE * FRAME_MS / 1000)  # samples between frames
_STRETCH, _MARGIN = 12000, 200  # frames per block of F0 analysis, and their context on each side
_BLOCK = 6000  # frames per block of envelopes: 25 MB
_BAND = 2000  # frames that DTW may stray from the diagonal: 10 s
_ROWS = 64  # rows of distances in memory at once
_ROUNDING = 1e-12  # of squared distances
_DB = 10 / np.log(10) * np.sqrt(2)


def f0_track(samples):
    """Return F0 every 5 ms by DIO with StoneMask: (N,) float64 Hz, 0 if unvoiced; N is S // 80 + 1.

    samples: (S,) float at 16 kHz. Frame i is centred at sample 80 i. A minute is looked at at once, with a
    second on either side: DIO takes 1.2 GB for ten.
    """
    parts = []
    for start in range(0, len(samples), _STRETCH * _HOP):
        first = max(0, start - _MARGIN * _HOP)
        track = _dio(samples[first : start + (_STRETCH + _MARGIN) * _HOP])
        own = (start - first) // _HOP
        last = start + _STRETCH * _HOP >= len(samples)
        parts.append(track[own:] if last else track[own : own + _STRETCH])
    return np.concatenate(parts) if parts else np.zeros(0)


def _dio(samples):
    samples = np.ascontiguousarray(samples, np.float64)
    coarse, times = pyworld.dio(samples, RATE, FLOOR_HZ, CEILING_HZ, frame_period=FRAME_MS)
    return pyworld.stonemask(samples, coarse, times, RATE)


def mel_cepstra(samples, f0_hz):
    """Return the mel-cepstra of a waveform's envelopes: (N, 25) float64, c_0 first.

    samples: (S,) float at 16 kHz; f0_hz: (N,) as `f0_track` returns.
    """
    samples, f0_hz = np.ascontiguousarray(samples, np.float64), np.ascontiguousarray(f0_hz, np.float64)
    times = np.arange(len(f0_hz)) * (FRAME_MS / 1000)
    blocks = [np.zeros((0, ORDER + 1))]
    for start in range(0, len(f0_hz), _BLOCK):
        part = slice(start, start + _BLOCK)
        power = pyworld.cheaptrick(samples, f0_hz[part], times[part], RATE)
        blocks.append(warp_frequency(np.log(power)))
    return np.concatenate(blocks)


def warp_frequency(log_power):
    """Return the mel-cepstra of log power spectra: (N, B) from 0 Hz to 8 kHz, to (N, ORDER + 1)."""
    cepstra = np.fft.irfft(log_power)[:, : log_power.shape[1]]
    cepstra[:, 0] /= 2  # log |H|^2 = 2 sum_m c_m cos(m w), the inverse transform gives 2 c_0 and c_m
    cepstra[:, -1] /= 2
    return cepstra @ _warping(log_power.shape[1]).T


@lru_cache(maxsize=1)
def _warping(terms):
    """Return the (ORDER + 1, terms) matrix that takes cepstra to mel-cepstra.

    Row by row the power series of z^-m in warped z: column m is column m - 1 passed through the all-pass
    (z^-1 + alpha) / (1 + alpha z^-1), since that is what z^-1 becomes.
    """
    matrix = np.zeros((ORDER + 1, terms))
    matrix[0, 0] = 1
    for m in range(1, terms):
        before, column = matrix[:, m - 1], matrix[:, m]
        column[0] = ALPHA * before[0]
        for k in range(1, ORDER + 1):
            column[k] = before[k - 1] + ALPHA * (before[k] - column[k - 1])
    return matrix


def mcd(reference, synthesis):
    """Return the mel-cepstral distortion in dB, frame by frame; None without frames.

    reference, synthesis: (N, 25) mel-cepstra, of one length; c_0 is not looked at.
    """
    if not len(reference):
        return None
    return float(_DB * np.sqrt(np.square(reference[:, 1:] - synthesis[:, 1:]).sum(axis=1)).mean())


def mcd_dtw(reference, synthesis):
    """Return the mel-cepstral distortion in dB along the best alignment; None if either has no frames.

    reference: (N, 25), synthesis: (M, 25) mel-cepstra. The mean over the pairs of the path of least total
    distance, which may stray 10 s from the diagonal. Of equal lengths never more than `mcd`.
    """
    if not len(reference) or not len(synthesis):
        return None
    total, pairs = warping_path(reference[:, 1:], synthesis[:, 1:], _BAND)
    return float(_DB * total / pairs)


def warping_path(x, y, band):
    """Return the smallest total Euclidean distance of an alignment, and its number of pairs.

    x: (N, D), y: (M, D); band: how many rows of y a path may stray from the diagonal. Dynamic time warping
    by steps (1, 0), (0, 1), (1, 1) (Sakoe and Chiba 1978, doi 10.1109/TASSP.1978.1163055), a row at once: a
    run along the row from k to j costs S_j - S_{k-1}, S being the sum of its distances so far, so that the
    best k is a running minimum.
    """
    cost, pairs = np.full(len(y) + 1, np.inf), np.zeros(len(y) + 1, np.int64)
    cost[0] = 0.0  # before the first pair; cost[j + 1] is the cost of ending at y[j]
    steps = np.arange(len(y) + 1)
    for low, distance in _rows(x, y, band):
        high = low + len(distance)
        before, above = cost[low:high], cost[low + 1 : high + 1]
        length = np.where(before <= above, pairs[low:high], pairs[low + 1 : high + 1])
        sums = np.cumsum(distance)
        gain = np.minimum(before, above)
        gain[1:] -= sums[:-1]
        best = np.minimum.accumulate(gain)
        length -= steps[: len(distance)]
        length = length[np.maximum.accumulate(np.where(gain == best, steps[: len(distance)], 0))]
        cost[low] = np.inf
        cost[low + 1 : high + 1] = best + sums
        pairs[low + 1 : high + 1] = length + steps[1 : len(distance) + 1]
    return float(cost[-1]), int(pairs[-1])


def _rows(x, y, band):
    """Yield for each row of x the first row of y in the band, and the distances in the band."""
    squares = np.square(y).sum(axis=1)
    slope = len(y) / len(x)
    for start in range(0, len(x), _ROWS):
        rows = x[start : start + _ROWS]
        low = max(0, int(start * slope) - band)
        high = min(len(y), int((start + len(rows)) * slope) + 1 + band)
        squared = np.square(rows).sum(axis=1)[:, None] + squares[low:high] - 2 * (rows @ y[low:high].T)
        # what rounding leaves of the distance of equals would be about 1e-7
        distances = np.sqrt(np.where(squared > _ROUNDING, squared, 0.0))
        for distance in distances:
            yield low, distance
