"""The common part of encoders that read the waveform: normalised audio, padded batches, convolutions.

Their convolutions make one frame of 25 ms every 20 ms, as the first model of this kind did (wav2vec 2.0,
Baevski et al. 2020, arXiv 2006.11477).
"""

import math

import numpy as np
import torch

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD, frame_count
from units.devices import is_wrong_in_bf16
from units.encoders.hub import FAULTS
from units.encoders.transformer import Transformer
from units.encoders.utterance_norm import mean_and_scale
from units.records import InputError, warn

_SLICE = 50  # frames whose convolutions a CPU computes at once, so that they fit into its cache


class Waveform(Transformer):
    """Base of encoders that read the waveform; `_norm` is their UtteranceNorm, if they have one."""

    _epsilon = 1e-7  # added to the variance if audio is normalised
    _normalize, _norm = True, None

    def _choose_precision(self, model):
        if self.device.type == "cpu" and any(map(is_wrong_in_bf16, model.modules())):
            self.dtype = torch.float32

    def _condition(self, samples):
        mean, scale = mean_and_scale(samples, self._epsilon) if self._normalize else (0.0, 1.0)
        return mean, scale, self._norm and self._norm.moments(samples, mean, scale)

    def _input(self, samples, chunk, condition):
        mean, scale, _ = condition
        return ((samples[chunk.samples] - np.float32(mean)) * np.float32(scale)).astype(np.float32)

    def _padded(self, pieces):
        """Return (audio (B, S) float32, its B lengths in samples, or None if all are S)."""
        lengths = [len(piece.input) for piece in pieces]
        longest = max(lengths)
        if self.asynchronous:  # a GPU prepares its convolutions for every new length
            longest = -(-longest // RATE) * RATE
        values = torch.zeros(len(pieces), longest)
        for row, piece in zip(values, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        return values, None if min(lengths) == longest else lengths

    def _convolved(self, convolve, values, dim):
        """Return `convolve` of (..., S) audio, slice by slice: its convolutions see only 25 ms.

        dim: the dimension of the frames in what `convolve` returns.
        """
        frames = frame_count(values.shape[-1])
        size = frames if self.asynchronous else _SLICE
        slices = [
            values[..., start * HOP : (min(start + size, frames) - 1) * HOP + RECEPTIVE_FIELD]
            for start in range(0, frames, size)
        ]
        return torch.cat([convolve(part) for part in slices], dim=dim)


def check_frames(source, config):
    """Raise InputError if the model's frames are not those of all other encoders."""
    try:
        hop, field = math.prod(config.conv_stride), 1
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            field = (field - 1) * stride + kernel
    except (TypeError, ValueError):
        raise InputError(f"{source}: conv_kernel and conv_stride in the config are invalid") from None
    if (hop, field) != (HOP, RECEPTIVE_FIELD):
        raise InputError(
            f"{source}: frames must be {RECEPTIVE_FIELD} samples every {HOP}, not {field} every {hop}"
        )


def normalizes(transformers, source, usual):
    """Return whether a model expects normalised audio; `usual`, with a warning, if no file says so."""
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except FAULTS:  # a directory with no preprocessor_config.json
        does = "normalised" if usual else "not normalised"
        warn(f"{source}: cannot read preprocessor_config.json; audio is {does}")
        return usual
    return bool(getattr(extractor, "do_normalize", True))
