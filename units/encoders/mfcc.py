"""Mel-frequency cepstral coefficients with their first and second differences. Needs no weights.

13 coefficients of 40 mel bands over 25 ms, every 10 ms, with differences over 5 such frames; every second one
is kept, so that frames have the times of those of wav2vec 2.0. This is the input of HuBERT's first clustering
(Hsu et al. 2021, arXiv 2106.07447).
"""

import torch

from units.audio.mel import cosines, mel_filters
from units.audio.timing import HOP, RECEPTIVE_FIELD
from units.encoders.encoder import Encoder
from units.records import InputError

_STEP = HOP // 2
_BANDS, _COEFFICIENTS = 40, 13
_LOW_HZ = 20.0
_FLOOR = 1e-6  # added to the power of a band before the log
_MARGIN_SECONDS = 0.1  # the second differences see 40 ms: chunks give what one pass gives


class Mfcc(Encoder):
    """39 coefficients per frame."""

    def __init__(self, layers=None, chunk_seconds=30.0):
        if layers is not None and list(layers) != [0]:
            raise InputError("mfcc has no layers; do not use --layer")
        super().__init__("mfcc39", None, 39, chunk_seconds, _MARGIN_SECONDS)
        filters = mel_filters(_BANDS, RECEPTIVE_FIELD, _LOW_HZ)
        self._filters = torch.tensor(filters, dtype=torch.float32)
        self._cosines = torch.tensor(cosines(_BANDS, _COEFFICIENTS), dtype=torch.float32)
        self._window = torch.hann_window(RECEPTIVE_FIELD)

    def launch(self, pieces):
        """Return a function that returns the frames of each piece; see Encoder."""
        frames = [self._frames(piece) for piece in pieces]
        return lambda: frames

    def _frames(self, piece):
        with torch.inference_mode():
            static = self._cepstra(torch.as_tensor(piece.input))
            first = _differences(static)
            all_three = torch.cat([static, first, _differences(first)], dim=1)[::2]
        return all_three[None, piece.skip : piece.skip + piece.count].contiguous().numpy()

    def _cepstra(self, samples):
        """Return the (n, 13) coefficients of (samples,) audio, one every 10 ms."""
        spectra = torch.fft.rfft(samples.unfold(0, RECEPTIVE_FIELD, _STEP) * self._window)
        power = spectra.real.square() + spectra.imag.square()
        return torch.log(power @ self._filters + _FLOOR) @ self._cosines


def _differences(rows):
    """Return the slopes of (n, D) rows over five of them, the first and the last repeated: (n, D)."""
    count = len(rows)
    padded = torch.cat([rows[:1], rows[:1], rows, rows[-1:], rows[-1:]])
    at = [padded[shift : shift + count] for shift in range(5)]
    return (2 * (at[4] - at[0]) + at[3] - at[1]) / 10
