"""Export a generator as an ONNX model, to run without torch. The only user of torch.onnx.

The inputs are those of the generator, for any batch and length: `units` (B, N) int64, `f0` (B, N) float32 in
Hz, 0 if unvoiced, and `speaker` (B, N) int64, the index in config.json. `fast` also needs `filled` and
`cycles` (B, N) float32, as `source.contour` returns them, and `first` (B,) int64, the number of the first
frame. The output is `waveform` (B, 320 N) float32.
"""

import contextlib
import io
import logging
import math
import os
import warnings

import numpy as np
import torch

from units.files.output import create
from units.vocoder.windows import BINS, N_FFT, Spectrum, level

_OPSET = 18
_EXAMPLE = 2, 50  # rows and frames of the example for tracing


class RealSpectrum(Spectrum):
    """`Spectrum` without complex numbers: the transforms are products with cosines and sines."""

    def __init__(self):
        super().__init__()
        turns = np.outer(np.arange(N_FFT), np.arange(BINS)) % N_FFT * (2 * math.pi / N_FFT)
        once = np.where(np.isin(np.arange(BINS), (0, BINS - 1)), 1.0, 2.0) / N_FFT  # the others count twice
        bases = {"cosine": np.cos(turns), "sine": -np.sin(turns)}
        for name, basis in bases.items():
            self.register_buffer(name, torch.tensor(basis, dtype=torch.float32))
            self.register_buffer(f"{name}_back", torch.tensor((basis * once).T, dtype=torch.float32))

    def _shaped(self, windows, loud, phase, rough):
        real, imaginary = windows @ self.cosine, windows @ self.sine
        turned, across = loud * torch.cos(phase), loud * torch.sin(phase)
        (a, c), (b, d) = real.unbind(1), imaginary.unbind(1)
        rough = rough * level((c.square() + d.square()).sqrt())
        real, imaginary = a * turned - b * across + c * rough, a * across + b * turned + d * rough
        return real @ self.cosine_back + imaginary @ self.sine_back


class _Placed(torch.nn.Module):
    """`fast` with the parts of its place as separate inputs."""

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def forward(self, units, f0, speaker, filled, cycles, first):
        return self.generator(units, f0, speaker, (first, filled, cycles))


def export(vocoder, path):
    """Write the generator of a Vocoder, without the predictors, as an ONNX model in fp32."""
    module, inputs = _module(vocoder)
    rows, frames = torch.export.Dim("rows"), torch.export.Dim("frames")
    shapes = {name: {0: rows, 1: frames} if value.dim() > 1 else {0: rows} for name, value in inputs.items()}
    with _quiet(), torch.inference_mode():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["waveform"],
            dynamic_shapes=tuple(shapes.values()),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    with create(os.fspath(path)) as out:
        out.write(program.model_proto.SerializeToString())


def _module(vocoder):
    """Return the module to trace and an example of its inputs, by name."""
    generator = vocoder.generator.cpu()
    whole, real = torch.zeros(_EXAMPLE, dtype=torch.int64), torch.full(_EXAMPLE, 100.0)
    inputs = {
        "units": whole,
        "f0": real,
        "speaker": whole.clone(),
    }  # clone: the same tensor twice would become one input
    if vocoder.config.arch != "fast":
        return generator, inputs
    generator.spectrum = RealSpectrum()
    return _Placed(generator).eval(), inputs | {
        "filled": real.clone(),
        "cycles": real.clone(),
        "first": whole[:, 0].clone(),
    }


@contextlib.contextmanager
def _quiet():
    """Suppress torch's reports about its progress and its internals."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
