"""Mel-frequency cepstral coefficients with their first and second differences. Needs no weights.

13 coefficients of 40 mel bands over 25 ms, every 10 ms, with deltas over 5 such frames; every second one is
kept, so that frames have the times of those of wav2vec 2.0. This is the input of HuBERT's first clustering
(Hsu et al. 2021, arXiv 2106.07447).
"""

import torch
import torchaudio

from units.audio.timing import HOP, RATE, RECEPTIVE_FIELD
from units.encoders.encoder import Encoder
from units.records import InputError

_STEP = HOP // 2
_MARGIN_SECONDS = 0.1  # the second differences see 40 ms: chunks give what one pass gives


class Mfcc(Encoder):
    """39 coefficients per frame."""

    def __init__(self, layers=None, chunk_seconds=30.0):
        if layers is not None and list(layers) != [0]:
            raise InputError("mfcc has no layers; do not use --layer")
        super().__init__("mfcc39", None, 39, chunk_seconds, _MARGIN_SECONDS)
        mel = {"n_fft": RECEPTIVE_FIELD, "hop_length": _STEP, "n_mels": 40, "center": False, "f_min": 20.0}
        self._mfcc = torchaudio.transforms.MFCC(RATE, n_mfcc=13, log_mels=True, melkwargs=mel)

    def launch(self, pieces):
        """Return a function that returns the frames of each piece; see Encoder."""
        frames = [self._frames(piece) for piece in pieces]
        return lambda: frames

    def _frames(self, piece):
        with torch.inference_mode():
            static = self._mfcc(torch.as_tensor(piece.input))
            delta = torchaudio.functional.compute_deltas(static)
            both = torch.cat([static, delta, torchaudio.functional.compute_deltas(delta)])
        return (
            both[None, :, ::2].transpose(1, 2)[:, piece.skip : piece.skip + piece.count].contiguous().numpy()
        )
