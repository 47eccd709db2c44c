"""w2v-BERT 2.0 (Barrault et al. 2023, arXiv 2312.05187; MIT licence): mel bands in, two of 10 ms per frame.

Frame i sees the samples [320 i, 320 i + 560). If the second half of the last frame lies past the end of the
recording, the first half replaces it; transformers masks such a frame, so its output has no meaning.
"""

import numpy as np
import torch

from units.audio.timing import HOP
from units.devices import upload
from units.encoders.hub import MARGIN_SECONDS, fetch_model
from units.encoders.transformer import Transformer, choose_layers

_WINDOW, _STEP = 400, HOP // 2  # samples: 25 and 10 ms, like Kaldi's filter banks
_FLOOR = 1.192092955078125e-07  # of a band's energy, as in Kaldi
_BLOCK = 6000  # bands computed at once: 60 s


class Wav2Vec2Bert(Transformer):
    """Frames of hidden layers of a wav2vec2-bert model."""

    def __init__(self, transformers, source, config, short_name, layers, device, dtype, chunk_seconds):
        depth = config.num_hidden_layers
        layers = choose_layers(layers, depth, round(depth * 0.6), source)
        config.num_hidden_layers = layers[-1]
        config.add_adapter = config.use_intermediate_ffn_before_adapter = False
        super().__init__(short_name, layers, config.hidden_size, device, dtype, chunk_seconds, MARGIN_SECONDS)
        model = fetch_model(transformers.Wav2Vec2BertModel, source, config)
        self._model = self._watch(model, model.encoder.layers)
        extractor = transformers.SeamlessM4TFeatureExtractor()
        self._mel = torch.as_tensor(extractor.mel_filters, dtype=torch.float64)
        self._povey = torch.as_tensor(extractor.window, dtype=torch.float64)

    def log_mel(self, samples):
        """Return the (n, 80) float64 log mel energies of (samples,) float32 audio, one every 10 ms."""
        frames = torch.from_numpy(samples * np.float64(2**15)).unfold(0, _WINDOW, _STEP)
        frames = frames - frames.mean(dim=1, keepdim=True)
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        power = torch.fft.rfft((frames - 0.97 * before) * self._povey, n=512).abs().square()
        return (power @ self._mel).clamp(min=_FLOOR).log()

    def _condition(self, samples):
        """Return the (80,) mean and 1 / standard deviation of each band over the recording."""
        number = (len(samples) - _WINDOW) // _STEP + 1
        total = squares = 0
        for first in range(0, number, _BLOCK):
            last = min(first + _BLOCK, number)
            bands = self.log_mel(samples[first * _STEP : (last - 1) * _STEP + _WINDOW])
            total, squares = total + bands.sum(dim=0), squares + bands.square().sum(dim=0)
        mean = total / number
        variance = (squares - number * mean**2).clamp(min=0) / max(1, number - 1)
        return mean, (variance + 1e-7).rsqrt()

    def _input(self, samples, chunk, condition):
        mean, scale = condition
        bands = (self.log_mel(samples[chunk.first * HOP : chunk.last * HOP + _WINDOW - _STEP]) - mean) * scale
        wanted = 2 * (chunk.last - chunk.first)
        if len(bands) < wanted:
            bands = torch.cat([bands, bands[-1:]])
        return bands.float().reshape(wanted // 2, -1).numpy()

    def _batch(self, pieces):
        """Return (bands (B, T, 160), mask (B, T), or None if all lengths are equal)."""
        lengths = torch.tensor([len(piece.input) for piece in pieces])
        values = torch.zeros(len(pieces), int(lengths.max()), pieces[0].input.shape[1])
        for row, piece in zip(values, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        mask = torch.arange(values.shape[1]) < lengths[:, None]
        return self._to_device(values), None if mask.all() else upload(mask, self.device)

    def _last(self, values, mask):
        hidden, _ = self._model.feature_projection(values)
        return self._model.encoder(hidden, attention_mask=mask).last_hidden_state
