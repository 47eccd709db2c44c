"""The encoder of Whisper (Radford et al. 2022, arXiv 2212.04356; MIT licence): always windows of 30 s.

Shorter audio is padded with silence, as the model was trained; the frames of padding are dropped. Longer
audio goes through overlapping windows. Whisper's frame i is centred on sample 320 i of its window, ours on
sample 320 i + 200, so a window starts 200 samples into its first frame: then both agree.
"""

import numpy as np
import torch

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD
from units.devices import upload
from units.encoders.hub import fetch_model
from units.encoders.transformer import Transformer, choose_layers

_WINDOW = 30 * RATE  # samples
_MARGIN_SECONDS = 2.0
_N_FFT, _STEP = 400, 160  # samples


class Whisper(Transformer):
    """Frames of hidden layers of Whisper's encoder."""

    least_seconds = _WINDOW / RATE

    def __init__(self, transformers, source, config, short_name, layers, device, dtype):
        layers = choose_layers(layers, config.encoder_layers, config.encoder_layers // 2, source)
        config.encoder_layers, config.decoder_layers = layers[-1], 0
        super().__init__(short_name, layers, config.d_model, device, dtype, _WINDOW / RATE, _MARGIN_SECONDS)
        network = fetch_model(transformers.WhisperModel, source, config).encoder
        network.layer_norm = torch.nn.Identity()
        self._network = self._watch(network, network.layers)
        extractor = transformers.WhisperFeatureExtractor(feature_size=config.num_mel_bins)
        self._mel = torch.as_tensor(extractor.mel_filters, dtype=torch.float32, device=self.device)
        self._hann = torch.hann_window(_N_FFT, device=self.device)

    def _input(self, samples, chunk, _condition):
        start = chunk.first * HOP + RECEPTIVE_FIELD // 2
        window = samples[start : start + _WINDOW]
        return np.pad(window, (0, _WINDOW - len(window)))

    def _batch(self, pieces):
        """Return the log-mel spectrograms (B, mel bins, 3000), as Whisper's feature extractor does."""
        audio = upload(np.stack([piece.input for piece in pieces]), self.device)
        spectrum = torch.stft(audio, _N_FFT, _STEP, window=self._hann, return_complex=True)
        mel = self._mel.T @ spectrum[..., :-1].abs().square()
        log = mel.clamp(min=1e-10).log10()
        log = torch.maximum(log, log.amax(dim=(1, 2), keepdim=True) - 8.0)
        return (((log + 4.0) / 4.0).to(self.dtype),)

    def _last(self, spectrograms):
        return self._network(spectrograms).last_hidden_state
