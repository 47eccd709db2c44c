"""The encoder of Omnilingual ASR (2025, arXiv 2511.09690; Apache 2.0): wav2vec 2.0, then trained by CTC.

Of a model that transcribes, only the encoder is built and read: neither the CTC head nor the language model.
The LayerNorm after its last layer is replaced by the identity, so that all layers are raw outputs.
transformers itself applies it to the last of its `hidden_states`.

The default layer is at two thirds of the depth. If the CTC head reads an inner layer of the 300M model, its
text appears in layers 17 to 19 of 24 and is complete by 21, in all six languages tested (model card of
ChipCracker/omniASR-CTC-300M-pruned-21L). CTC leaves most frames blank, so from there on frames of one phone
differ. Layer 16 is the last before. In another wav2vec 2.0 with CTC, phones are also clearest below the top
(De Cristofaro and Vietti 2025, arXiv 2602.10350). For larger models we assume the same share of the depth.
"""

import torch

from units.devices import upload
from units.encoders.hub import MARGIN_SECONDS, fetch_model
from units.encoders.transformer import choose_layers
from units.encoders.waveform import Waveform, check_frames, normalizes
from units.records import InputError

_ENCODER = {r"^(model\.)?audio_tower\.": ""}  # names of its weights in models that transcribe


class OmniAsr(Waveform):
    """Frames of hidden layers of an omniasr_ctc, omniasr or omniasr_audio model."""

    _epsilon = 1e-5

    def __init__(self, transformers, source, config, short_name, layers, device, dtype, chunk_seconds):
        config = _encoder_config(source, config)
        depth = config.num_hidden_layers
        layers = choose_layers(layers, depth, round(depth * 2 / 3), source)
        check_frames(source, config)
        config.num_hidden_layers = layers[-1]
        super().__init__(short_name, layers, config.hidden_size, device, dtype, chunk_seconds, MARGIN_SECONDS)
        self._normalize = normalizes(transformers, source, usual=True)
        if not self._normalize:
            self.names = [f"{name}:raw" for name in self.names]
        model = fetch_model(transformers.OmniASRAudioModel, source, config, key_mapping=_ENCODER)
        model.layer_norm = torch.nn.Identity()
        model.subsampling = _InSlices(self, model.subsampling)
        self._choose_precision(model)
        self._model = self._watch(model, model.layers)

    def _batch(self, pieces):
        """Return (audio (B, 1, S), mask (B, S), or None if all lengths are equal)."""
        values, lengths = self._padded(pieces)
        values = self._to_device(values[:, None])
        if lengths is None:
            return values, None
        mask = torch.arange(values.shape[2]) < torch.tensor(lengths)[:, None]
        return values, upload(mask, self.device)

    def _last(self, values, mask):
        return self._model(values, padding_mask=mask).last_hidden_state


def _encoder_config(source, config):
    """Return the config of the encoder alone. Raises InputError if that part is of another model type."""
    if config.model_type == "omniasr_audio":
        return config
    if config.audio_config.model_type != "omniasr_audio":
        raise InputError(
            f"{source}: audio_config must be of the type omniasr_audio, not {config.audio_config.model_type}"
        )
    return config.audio_config


class _InSlices(torch.nn.Module):
    """Convolutions that an encoder computes slice by slice."""

    def __init__(self, encoder, convolutions):
        super().__init__()
        self.convolutions = convolutions
        self._encoder = encoder

    def forward(self, values):
        """Return the (B, T, D) frames of (B, 1, S) audio."""
        return self._encoder._convolved(self.convolutions, values, dim=1)
