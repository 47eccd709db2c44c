"""Normalise audio and the first convolution over the entire recording, for chunks and padded batches.

Models with group norm (wav2vec 2.0 base, HuBERT base) normalise each channel of their first convolution over
time, so a chunk or padding would change every frame. The mean and variance of a linear filter's output over a
recording follow from the mean and covariance of the recording's windows, a 10 x 10 matrix. Given those, a
frame depends only on the audio near it, and both chunks and batches are exact.
"""

import numpy as np
import torch

from units.devices import upload

_BLOCK = 1 << 19  # windows in memory at once


def mean_and_scale(samples, epsilon=1e-7):
    """Return (mean, 1 / standard deviation) of (samples,) float32, as transformers normalises audio.

    epsilon: a number added to the variance.
    """
    mean = samples.mean(dtype=np.float64)
    starts = range(0, len(samples), _BLOCK)
    squares = sum(np.square(samples[i : i + _BLOCK] - mean, dtype=np.float64).sum() for i in starts)
    return mean, 1 / np.sqrt(squares / len(samples) + epsilon)


def window_moments(samples, kernel, stride):
    """Return the mean (kernel,) and covariance (kernel, kernel) of a signal's windows, float64."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, kernel)[::stride]
    total, gram = np.zeros(kernel), np.zeros((kernel, kernel))
    for start in range(0, len(windows), _BLOCK):
        block = windows[start : start + _BLOCK].astype(np.float64)
        total += block.sum(axis=0)
        gram += block.T @ block
    mean = total / len(windows)
    return mean, gram / len(windows) - np.outer(mean, mean)


class UtteranceNorm(torch.nn.Module):
    """Replaces the group norm after the first convolution; its statistics are computed beforehand."""

    def __init__(self, convolution, norm):
        super().__init__()
        weight = convolution.weight.detach()[:, 0].double().numpy()
        bias = 0 if convolution.bias is None else convolution.bias.detach().double().numpy()
        self._filters, self._bias, self._epsilon = weight, bias, norm.eps
        self._gain, self._shift = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()
        self._stride = convolution.stride[0]

    def moments(self, samples, mean, scale):
        """Return the (2, C) float32 gain and shift of each channel, for audio (x - mean) * scale."""
        centre, covariance = window_moments(samples, self._filters.shape[1], self._stride)
        filtered = self._filters @ ((centre - mean) * scale) + self._bias
        variance = np.einsum("ck,kl,cl->c", self._filters, covariance * scale**2, self._filters)
        gain = self._gain / np.sqrt(np.maximum(variance, 0) + self._epsilon)
        return np.stack([gain, self._shift - gain * filtered]).astype(np.float32)

    def set(self, moments, like):
        """Use these (2, C) arrays, one per item of the batch, in the dtype and on the device of `like`."""
        self._now = upload(np.stack(moments), like.device).to(like.dtype)[..., None]

    def forward(self, hidden):
        """Return (B, C, T) normalised."""
        return torch.addcmul(self._now[:, 1], hidden, self._now[:, 0])
