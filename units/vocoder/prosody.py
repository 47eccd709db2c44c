"""Change the tempo and the pitch of frames before they are spoken."""

import math

from units.records import InputError

_FEW = 25  # voiced frames, half a second: too few to estimate a standard deviation


def fit_f0(f0_hz, count):
    """Return F0 with one value per unit, a list. The given F0 may have one frame fewer or one more.

    A missing last frame becomes unvoiced. Raises InputError if the lengths differ by more.

    >>> fit_f0([90.0, 91.0], 3)
    [90.0, 91.0, 0.0]
    """
    if abs(len(f0_hz) - count) > 1:
        raise InputError(f"f0 has {len(f0_hz)} frames, but there are {count} units")
    return [*f0_hz, 0.0][:count]


def resample(units, f0_hz, speed):
    """Return units and F0 for another speed: each new frame is a copy of the nearest old frame.

    >>> resample([1, 2, 3, 4], [0, 0, 90, 91], 2.0)
    ([2, 4], [0, 91])
    """
    if speed == 1.0:
        return units, f0_hz
    count = max(1, round(len(units) / speed))
    nearest = [min(len(units) - 1, int((i + 0.5) * len(units) / count)) for i in range(count)]
    return [units[i] for i in nearest], [f0_hz[i] for i in nearest]


def move_f0(f0_hz, source, target):
    """Return F0 in Hz, moved from one range to another: the z-scores of log F0 stay the same.

    source, target: (mean, standard deviation) of log Hz.
    """

    def moved(hz):
        return math.exp((math.log(hz) - source[0]) / source[1] * target[1] + target[0])

    return [moved(hz) if hz > 0 else 0.0 for hz in f0_hz]


def f0_range(f0_hz, spread):
    """Return (mean, standard deviation) of log Hz of the voiced frames.

    spread: the standard deviation to return if there are too few voiced frames to estimate it.


    >>> f0_range([0.0, 100.0], 0.2)
    (4.605170185988092, 0.2)
    """
    logs = [math.log(hz) for hz in f0_hz if hz > 0]
    mean = math.fsum(logs) / max(1, len(logs))
    if len(logs) < _FEW:
        return mean, spread
    return mean, max(0.05, math.sqrt(math.fsum((value - mean) ** 2 for value in logs) / len(logs)))
