"""A mean opinion score predicted without a reference: DNSMOS P.835, its overall quality.

Reddy et al. 2022 (doi 10.1109/ICASSP43922.2022.9746108). The network is the one that the package `speechmos`
ships; its own code needs librosa and is not imported. It was made to judge noise suppressors, and hears
noise and distortion better than a wrong word. The home of onnxruntime.
"""

import importlib.resources
from functools import lru_cache

import numpy as np

from units.audio.timing import RATE

WINDOW = round(9.01 * RATE)  # input of the network, samples
# From the output of the network to scores of listeners, as in the published script: a x^2 + b x + c.
_CALIBRATION = (-0.06766283, 1.11546468, 0.04602535)


@lru_cache(maxsize=1)
def _network():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = importlib.resources.files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
    return onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])


def starts(samples):
    """Return the starts of the fewest windows that cover a recording, evenly spaced.

    >>> starts(20 * 16000)
    [0, 87920, 175840]
    """
    count = max(1, -(-samples // WINDOW))
    return [round(start) for start in np.linspace(0, max(0, samples - WINDOW), count)]


def mos(samples):
    """Return the overall quality, 1 to 5, of (S,) float samples at 16 kHz; None for silence.

    Audio shorter than 9.01 s is repeated. Longer audio is judged in windows that just cover it, and the
    result is their mean. The published script sets the windows 1 s apart, and repeats short audio several
    times.
    """
    if not len(samples) or not np.any(samples):
        return None
    samples = np.asarray(samples, np.float32)
    if len(samples) < WINDOW:
        samples = np.resize(samples, WINDOW)
    windows = (samples[start : start + WINDOW] for start in starts(len(samples)))
    overall = [_network().run(None, {"input_1": window[None]})[0][0][2] for window in windows]
    return float(np.mean(np.polyval(_CALIBRATION, np.asarray(overall, np.float64))))
