"""Waveform to speech or none by a neural network: Silero VAD (MIT), its ONNX file as its package ships it.

https://github.com/snakers4/silero-vad. The only home of that model; it needs the extra `vad`.
"""

import importlib.util
import itertools
import os

import numpy as np

from units.audio.reading import blocks
from units.audio.timing import RATE

WINDOW = 512  # samples the network judges at once: 32 ms
CONTEXT = 64  # samples of the window before that it sees as well
ENERGY_HOP = 160  # samples between what `speech_by_network` returns: 10 ms


def _open_model():
    import onnxruntime

    spec = importlib.util.find_spec("silero_vad")
    if spec is None:
        raise ImportError("--vad needs silero-vad")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = os.path.join(os.path.dirname(spec.origin), "data", "silero_vad.onnx")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def speech_by_network(path, hops, channel=None, threshold=0.5):
    """Return which 10 ms of a recording are speech, (hops,) bool: the network's probability is above half.

    channel: which one, None for the mean of all. The recording is read block by block. Raises ImportError if
    the extra `vad` is missing.
    """
    model = _open_model()
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, CONTEXT), np.float32)
    carry, probabilities = np.zeros(0, np.float32), []
    for block in itertools.chain(blocks(path, channel), [np.zeros(WINDOW - 1, np.float32)]):
        carry = np.concatenate([carry, block])
        for start in range(0, len(carry) - WINDOW + 1, WINDOW):
            window = np.concatenate([context, carry[None, start : start + WINDOW]], axis=1)
            feed = {"input": window, "state": state, "sr": np.array(RATE, np.int64)}
            probability, state = model.run(None, feed)
            probabilities.append(float(probability[0, 0]))
            context = window[:, -CONTEXT:]
        carry = carry[len(carry) // WINDOW * WINDOW :]
    windows = np.minimum(np.arange(hops) * ENERGY_HOP // WINDOW, max(0, len(probabilities) - 1))
    return (np.array(probabilities) > threshold)[windows] if probabilities else np.zeros(hops, bool)
