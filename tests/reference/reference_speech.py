"""Slow plain versions of what units.metrics does fast, written from the definitions."""

import cmath
import math


def align(x, y):
    """Return the least cost of any alignment of two sequences of vectors, and how many pairs it has."""
    best = {(-1, -1): (0.0, 0)}
    for i in range(len(x)):
        for j in range(len(y)):
            before = [best[p] for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p in best]
            cost, pairs = min(before, key=lambda b: b[0])
            best[i, j] = cost + math.dist(x[i], y[j]), pairs + 1
    return best[len(x) - 1, len(y) - 1]


def mel_cepstrum(cepstrum, order, alpha, steps=4000):
    """Return the cepstrum of a log spectrum seen along a warped frequency axis, by numerical integration.

    log |H| at w is sum_m c_m cos(m w); seen at the warped frequency of the all-pass of alpha, it is
    developed into cosines again.
    """
    total = [0.0] * (order + 1)
    for step in range(steps):
        warped = math.pi * (step + 0.5) / steps
        # the all-pass of -alpha leads back from the warped frequency
        z = cmath.exp(-1j * warped)
        plain = -cmath.phase((z + alpha) / (1 + alpha * z))
        value = sum(c * math.cos(m * plain) for m, c in enumerate(cepstrum))
        for m in range(order + 1):
            total[m] += value * math.cos(m * warped)
    return [t * (1 if m == 0 else 2) / steps for m, t in enumerate(total)]


def pitch_errors(reference, synthesis):
    """Return every figure of two F0 tracks, frame by frame."""
    both = [(a, b) for a, b in zip(reference, synthesis, strict=True) if a > 0 and b > 0]
    n = len(both)
    figures = {
        "vde": sum((a > 0) != (b > 0) for a, b in zip(reference, synthesis, strict=True)) / len(reference)
    }
    if n:
        figures["f0_rmse_hz"] = math.sqrt(sum((a - b) ** 2 for a, b in both) / n)
        figures["f0_rmse_cents"] = math.sqrt(sum((1200 * math.log2(a / b)) ** 2 for a, b in both) / n)
        figures["gpe"] = sum(abs(b / a - 1) > 0.2 for a, b in both) / n
    return figures


def comb_db(samples, rate, frame_shift):
    """Return the comb by a discrete Fourier transform of every line and neighbour, no fast transform."""
    period = round(frame_shift * rate)
    size = 20 * period
    window = [0.5 - 0.5 * math.cos(2 * math.pi * i / size) for i in range(size)]
    starts = range(0, len(samples) - size + 1, size // 2)

    def power_db(k):
        turns = [cmath.exp(-2j * math.pi * k * i / size) for i in range(size)]
        total = 0.0
        for start in starts:
            total += abs(sum(w * samples[start + i] * turns[i] for i, w in enumerate(window))) ** 2
        return 10 * math.log10(total)

    contrasts = []
    for line in range(20, size // 2 - 9, 20):
        around = [line + d for d in range(-10, 11) if abs(d) >= 5]
        contrasts.append(power_db(line) - sum(map(power_db, around)) / len(around))
    return sum(contrasts) / len(contrasts)
