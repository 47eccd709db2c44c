"""The channels of a recording: which to take, and whether they cancel each other when mixed."""

import numpy as np

from units.records import InputError, warn

_CANCELLED = 0.1  # of the power that channels with nothing in common leave in their mean
_SILENCE = 1e-12  # mean square, -120 dB: nothing to cancel


def pick(path, samples, channel):
    """Return one channel of (n, channels) samples; raise InputError if there is none of that number."""
    count = samples.shape[1]
    if channel >= count:
        numbers = "only channel 0" if count == 1 else f"channels 0 to {count - 1}"
        raise InputError(f"{path}: no channel {channel}: it has {numbers}")
    return samples[:, channel]


def powers(samples):
    """Return the sums of squares of the channels' mean and of each channel, and the number of samples.

    samples: (n, channels), of which a DC offset is removed; returns (channels + 2,) float64. Those of
    successive blocks can be added.
    """
    samples = samples - samples.mean(axis=0) if len(samples) else samples
    mean = samples.mean(axis=1)
    squares = np.square(samples, dtype=np.float64).sum(axis=0)
    return np.concatenate([[np.square(mean, dtype=np.float64).sum()], squares, [len(samples)]])


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
    """Report that one channel stands in for a mean in which all of them cancel."""
    warn(f"{path}: its channels cancel each other when mixed; channel {channel} is taken instead")
