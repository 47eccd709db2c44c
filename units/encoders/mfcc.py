"""Mel-frequency cepstral coefficients with their first and second differences: no weights, always there.

13 coefficients of 40 mel bands over 25 ms, each 10 ms, with deltas over 5 such frames; every second one is
kept, so that frames stand where those of wav2vec 2.0 do. This is the input of HuBERT's first clustering
(Hsu et al. 2021, arXiv 2106.07447).
"""

import torch
import torchaudio

from units.audio import HOP, RATE, RECEPTIVE_FIELD
from units.records import InputError

_STEP = HOP // 2


class Mfcc:
    """39 coefficients a frame."""

    name = "mfcc39"

    def __init__(self, layer=None):
        if layer not in (None, 0):
            raise InputError("mfcc has no layers; leave --layer out")
        mel = {"n_fft": RECEPTIVE_FIELD, "hop_length": _STEP, "n_mels": 40, "center": False, "f_min": 20.0}
        self._mfcc = torchaudio.transforms.MFCC(RATE, n_mfcc=13, log_mels=True, melkwargs=mel)

    def encode(self, samples):
        """Return the (N, 39) float32 frames of (samples,) float32 audio; N is 0 under 25 ms."""
        if len(samples) < RECEPTIVE_FIELD:
            return torch.zeros(0, 39).numpy()
        with torch.inference_mode():
            static = self._mfcc(torch.as_tensor(samples))
            delta = torchaudio.functional.compute_deltas(static)
            both = torch.cat([static, delta, torchaudio.functional.compute_deltas(delta)])
        return both[:, ::2].T.contiguous().numpy()
