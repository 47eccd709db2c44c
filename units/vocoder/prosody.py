"""Change the time and the pitch of frames before they are spoken."""

import math


def resample(units, f0_hz, speed):
    """Return units and F0 with speed times fewer frames, each the nearest of the old ones.

    >>> resample([1, 2, 3, 4], [0, 0, 90, 91], 2.0)
    ([2, 4], [0, 91])
    """
    if speed == 1.0:
        return units, f0_hz
    count = max(1, round(len(units) / speed))
    nearest = [min(len(units) - 1, int((i + 0.5) * len(units) / count)) for i in range(count)]
    return [units[i] for i in nearest], [f0_hz[i] for i in nearest]


def move_f0(f0_hz, config, source, target):
    """Return F0 in Hz moved from one speaker's range to another's: equal z-scores of log F0."""

    def moved(hz):
        z = (math.log(hz) - config.f0_mean[source]) / config.f0_sd[source]
        return math.exp(z * config.f0_sd[target] + config.f0_mean[target])

    return [moved(hz) if hz > 0 else 0.0 for hz in f0_hz]
