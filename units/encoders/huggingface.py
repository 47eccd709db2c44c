"""Hidden layers of wav2vec 2.0-family models: the only home of transformers.

Only the layers needed are built, read and run: the model is cut after the last layer wanted, and where it
applies a last LayerNorm to its output (stable layer norm: MMS, XLSR) that is made the identity, so what
comes out is exactly `hidden_states` of the whole model. Of its last layer we give the raw output, as
transformers 5 does; 4 applied the LayerNorm there.
"""

import math

import numpy as np
import torch

from units.audio.timing import HOP, RECEPTIVE_FIELD, frame_count
from units.encoders.hub import FAULTS, MARGIN_SECONDS, fetch_model
from units.encoders.transformer import Transformer, choose_layers
from units.encoders.utterance_norm import UtteranceNorm, mean_and_scale
from units.records import InputError, warn

_SLICE = 50  # frames whose convolutions are computed at once on a CPU: what they need then stays in its cache


class HuggingFace(Transformer):
    """Frames of hidden layers of a wav2vec 2.0, HuBERT, WavLM or UniSpeech model."""

    def __init__(self, transformers, source, config, short_name, layers, device, dtype, chunk_seconds):
        depth = config.num_hidden_layers
        layers = choose_layers(layers, depth, round(depth * 0.6), source)
        _check_frames(source, config)
        config.num_hidden_layers, config.add_adapter = layers[-1], False
        super().__init__(short_name, layers, config.hidden_size, device, dtype, chunk_seconds, MARGIN_SECONDS)
        self._normalize = _normalizes(transformers, source, config)
        if not self._normalize:
            self.names = [f"{name}:raw" for name in self.names]
        model = fetch_model(transformers.AutoModel, source, config)
        if getattr(config, "do_stable_layer_norm", False):
            model.encoder.layer_norm = torch.nn.Identity()
        self._norm = None
        if config.feat_extract_norm == "group":
            first = model.feature_extractor.conv_layers[0]
            self._norm = first.layer_norm = UtteranceNorm(first.conv, first.layer_norm)
        if self.device.type == "cpu" and any(map(_is_wrong_in_bf16, model.modules())):
            self.dtype = torch.float32
        self._model = self._watch(model, model.encoder.layers)

    def _condition(self, samples):
        mean, scale = mean_and_scale(samples) if self._normalize else (0.0, 1.0)
        return mean, scale, self._norm and self._norm.moments(samples, mean, scale)

    def _input(self, samples, chunk, condition):
        mean, scale, _ = condition
        return ((samples[chunk.samples] - np.float32(mean)) * np.float32(scale)).astype(np.float32)

    def _batch(self, pieces):
        """Return (audio (B, S), mask (B, T) or None where all are of one length)."""
        lengths = [len(piece.input) for piece in pieces]
        values = torch.zeros(len(pieces), max(lengths))
        for row, piece in zip(values, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        values = self._to_device(values)
        if self._norm:
            self._norm.set([piece.condition[2] for piece in pieces], values)
        if min(lengths) == max(lengths):
            return values, None
        frames = torch.tensor([frame_count(length) for length in lengths], device=self.device)
        return values, torch.arange(int(frame_count(max(lengths))), device=self.device) < frames[:, None]

    def _last(self, values, mask):
        hidden = self._model.feature_projection(self._convolved(values).transpose(1, 2))
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return self._model.encoder(hidden, attention_mask=mask).last_hidden_state

    def _convolved(self, values):
        """Return the (B, C, T) output of the convolutions, slice by slice: they see 25 ms alone."""
        frames = frame_count(values.shape[1])
        size = frames if self.asynchronous else _SLICE
        slices = [
            values[:, start * HOP : (min(start + size, frames) - 1) * HOP + RECEPTIVE_FIELD]
            for start in range(0, frames, size)
        ]
        return torch.cat([self._model.feature_extractor(part) for part in slices], dim=2)


def _is_wrong_in_bf16(layer):
    """Whether CPUs with AMX give nonsense for it in bf16: convolutions in groups of 2 to 12 channels.

    Measured with torch 2.13 for kernels of 16, 64 and 128; groups of 1, and of 16 and more, are right.
    """
    return isinstance(layer, torch.nn.Conv1d) and 1 < layer.in_channels // layer.groups < 16


def _check_frames(source, config):
    """Raise InputError where the model's frames do not stand where everyone else's do."""
    try:
        hop, field = math.prod(config.conv_stride), 1
        for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
            field = (field - 1) * stride + kernel
    except (TypeError, ValueError):
        raise InputError(f"{source}: convolutions that are none") from None
    if (hop, field) != (HOP, RECEPTIVE_FIELD):
        raise InputError(f"{source}: a frame of {field} samples each {hop}, not {RECEPTIVE_FIELD} each {HOP}")


def _normalizes(transformers, source, config):
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except FAULTS:  # a directory with no preprocessor_config.json
        usual = config.feat_extract_norm == "layer"
        does = "normalised" if usual else "not normalised"
        warn(f"{source}: no preprocessor_config.json that can be read; audio is {does}")
        return usual
    return bool(getattr(extractor, "do_normalize", True))
