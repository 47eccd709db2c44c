"""Hidden layers of models of the wav2vec 2.0 family.

Only the layers needed are built, read and run: the model is cut after the last chosen layer. If the model
applies a LayerNorm to its output (stable layer norm: MMS, XLSR), it is replaced by the identity, so the
output is exactly `hidden_states` of the complete model. For the last layer of the model we return the raw
output, as transformers 5 does; version 4 applied the LayerNorm there.
"""

import math

import numpy as np
import torch

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD, frame_count
from units.devices import is_wrong_in_bf16, upload
from units.encoders.hub import FAULTS, MARGIN_SECONDS, fetch_model
from units.encoders.transformer import Transformer, choose_layers
from units.encoders.utterance_norm import UtteranceNorm, mean_and_scale
from units.records import InputError, warn

_SLICE = 50  # frames whose convolutions a CPU computes at once, so that they fit into its cache


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
        if self.device.type == "cpu" and any(map(is_wrong_in_bf16, model.modules())):
            self.dtype = torch.float32
        self._model = self._watch(model, model.encoder.layers)

    def _condition(self, samples):
        mean, scale = mean_and_scale(samples) if self._normalize else (0.0, 1.0)
        return mean, scale, self._norm and self._norm.moments(samples, mean, scale)

    def _input(self, samples, chunk, condition):
        mean, scale, _ = condition
        return ((samples[chunk.samples] - np.float32(mean)) * np.float32(scale)).astype(np.float32)

    def _batch(self, pieces):
        """Return (audio (B, S), mask (B, T), or None if all lengths are equal)."""
        lengths = [len(piece.input) for piece in pieces]
        longest = max(lengths)
        if self.asynchronous:  # a GPU prepares its convolutions for every new length
            longest = -(-longest // RATE) * RATE
        values = torch.zeros(len(pieces), longest)
        for row, piece in zip(values, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        values = self._to_device(values)
        if self._norm:
            self._norm.set([piece.condition[2] for piece in pieces], values)
        if min(lengths) == longest:
            return values, None
        frames = torch.tensor([frame_count(length) for length in lengths])
        mask = torch.arange(int(frame_count(longest))) < frames[:, None]
        return values, upload(mask, self.device)

    def _last(self, values, mask):
        hidden = self._model.feature_projection(self._convolved(values).transpose(1, 2))
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return self._model.encoder(hidden, attention_mask=mask).last_hidden_state

    def _convolved(self, values):
        """Return the (B, C, T) output of the convolutions, slice by slice: they see only 25 ms."""
        frames = frame_count(values.shape[1])
        size = frames if self.asynchronous else _SLICE
        slices = [
            values[:, start * HOP : (min(start + size, frames) - 1) * HOP + RECEPTIVE_FIELD]
            for start in range(0, frames, size)
        ]
        return torch.cat([self._model.feature_extractor(part) for part in slices], dim=2)


def _check_frames(source, config):
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


def _normalizes(transformers, source, config):
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(source, trust_remote_code=False)
    except FAULTS:  # a directory with no preprocessor_config.json
        usual = config.feat_extract_norm == "layer"
        does = "normalised" if usual else "not normalised"
        warn(f"{source}: cannot read preprocessor_config.json; audio is {does}")
        return usual
    return bool(getattr(extractor, "do_normalize", True))
