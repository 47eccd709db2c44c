"""The channels of a recording: which to take, and whether they cancel each other when mixed."""

import numpy as np

from units.records import InputError, warn

_CANCELLED = 0.1  # of the power that channels with nothing in common leave in their mean
_SILENCE = 1e-12  # mean square, -120 dB: nothing to cancel


def pick(path, samples, channel):
    """Return one channel of (n, channels) samples; raises InputError if there is no such channel."""
    count = samples.shape[1]
    if channel >= count:
        numbers = "only channel 0" if count == 1 else f"channels 0 to {count - 1}"
        raise InputError(f"{path}: no channel {channel}: it has {numbers}")
    return samples[:, channel]


def mix(path, samples, channel=None):
    """Return (n, 1) of (n, channels) samples: one channel, or the mean of all."""
    if channel is not None:
        return pick(path, samples, channel)[:, None]
    return samples if samples.shape[1] == 1 else _mean(samples)[:, None]


def _mean(samples):
    """Return the mean of the channels; numpy's own takes ten times as long over so short an axis."""
    total = samples[:, 0].copy()
    for number in range(1, samples.shape[1]):
        total += samples[:, number]
    return total / np.float32(samples.shape[1])


def powers(samples):
    """Return the sums of squares of the channels' mean and of each channel, and the number of samples.

    samples: (n, channels); a DC offset is removed; returns (channels + 2,) float64. Those of
    successive blocks can be added.
    """
    if not len(samples):
        return np.zeros(samples.shape[1] + 2)
    columns = (column - column.mean() for column in [_mean(samples), *samples.T])
    return np.array([*(float(np.dot(column, column)) for column in columns), len(samples)])


def cancel(sums):
    """Return whether channels cancel each other in their mean, of their `powers`.

    Their mean then has far less power than channels with nothing in common would leave in it.

    >>> voice = np.sin(np.arange(1000))
    >>> cancel(powers(np.stack([voice, -voice], axis=1))), cancel(powers(np.stack([voice, voice], axis=1)))
    (True, False)
    """
    mean, each, count = sums[0], sums[1:-1], sums[-1]
    if len(each) == 1 or each.sum() <= _SILENCE * count * len(each):
        return False
    return bool(mean < _CANCELLED * each.mean() / len(each))


def loudest(sums):
    """Return the number of the channel with the highest power, of their `powers`; of like ones the first."""
    return int(np.argmax(sums[1:-1] > 0.98 * sums[1:-1].max()))


def warn_of_cancelling(path, channel):
    """Report that one channel replaces a mean in which all of them cancel."""
    warn(f"{path}: its channels cancel each other when mixed; channel {channel} is taken instead")
