"""Hidden layers of models of the wav2vec 2.0 family.

Only the layers needed are built, read and run: the model is cut after the last chosen layer. If the model
applies a LayerNorm to its output (stable layer norm: MMS, XLSR), it is replaced by the identity, so the
output is exactly `hidden_states` of the complete model. For the last layer of the model we return the raw
output, as transformers 5 does; version 4 applied the LayerNorm there.
"""

import torch

from units.audio.timing import frame_count
from units.devices import upload
from units.encoders.hub import MARGIN_SECONDS, fetch_model
from units.encoders.transformer import choose_layers
from units.encoders.utterance_norm import UtteranceNorm
from units.encoders.waveform import Waveform, check_frames, normalizes


class HuggingFace(Waveform):
    """Frames of hidden layers of a wav2vec 2.0, HuBERT, WavLM or UniSpeech model."""

    def __init__(self, transformers, source, config, short_name, layers, device, dtype, chunk_seconds):
        depth = config.num_hidden_layers
        layers = choose_layers(layers, depth, round(depth * 0.6), source)
        check_frames(source, config)
        config.num_hidden_layers, config.add_adapter = layers[-1], False
        super().__init__(short_name, layers, config.hidden_size, device, dtype, chunk_seconds, MARGIN_SECONDS)
        self._normalize = normalizes(transformers, source, config.feat_extract_norm == "layer")
        if not self._normalize:
            self.names = [f"{name}:raw" for name in self.names]
        model = fetch_model(transformers.AutoModel, source, config)
        if getattr(config, "do_stable_layer_norm", False):
            model.encoder.layer_norm = torch.nn.Identity()
        if config.feat_extract_norm == "group":
            first = model.feature_extractor.conv_layers[0]
            self._norm = first.layer_norm = UtteranceNorm(first.conv, first.layer_norm)
        self._choose_precision(model)
        self._model = self._watch(model, model.encoder.layers)

    def _batch(self, pieces):
        """Return (audio (B, S), mask (B, T), or None if all lengths are equal)."""
        values, lengths = self._padded(pieces)
        values = self._to_device(values)
        if self._norm:
            self._norm.set([piece.condition[2] for piece in pieces], values)
        if lengths is None:
            return values, None
        frames = torch.tensor([frame_count(length) for length in lengths])
        mask = torch.arange(frame_count(values.shape[1])) < frames[:, None]
        return values, upload(mask, self.device)

    def _last(self, values, mask):
        convolved = self._convolved(self._model.feature_extractor, values, dim=2)
        hidden = self._model.feature_projection(convolved.transpose(1, 2))
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        return self._model.encoder(hidden, attention_mask=mask).last_hidden_state
