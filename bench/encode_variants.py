#!/usr/bin/env python3
"""Other ways to compute an encoder's layers on a CPU, against the one that su-encode has.

    bench/encode_variants.py [--seconds 60] [--only NAME;...] FOLDER

FOLDER: recordings; clips of 10 s are used. The layers are the 14 lower ones of a random model of MMS-300M's
shape, and all of `small`. Ways: su-encode's own in fp32 and bf16; int8 weights (dynamic quantisation of torch);
torch.compile; TorchScript, frozen for inference with oneDNN's layouts; ONNX Runtime in fp32 and with int8
weights. Prints, for each, seconds of audio per second of one thread, without loading and preparation, and the
share of units (K=100, z-scored frames of fp32) that stay the same.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np
import torch
from encode import LAYER, make_model
from torch import nn

from units.audio.reading import load_audio
from units.audio.timing import RATE
from units.codebook.kmeans import fit_codebook
from units.codebook.quantize import quantize
from units.config import ClusterConfig
from units.encoders.learned import SMALL, load_network
from units.encoders.models import load_encoder
from units.encoders.spectrum import spectra_of

CLIP = 10  # s


class Waves(nn.Module):
    """The lower layers of a model of the wav2vec 2.0 family, samples (B, S) to frames (B, T, D)."""

    def __init__(self, encoder):
        super().__init__()
        self.model = encoder._model.eval()
        self.eval()

    def forward(self, values):
        hidden = self.model.feature_extractor(values).transpose(1, 2)
        hidden = self.model.feature_projection(hidden)[0]
        return self.model.encoder(hidden).last_hidden_state


def clips_of(folder, seconds):
    """Return (N, S) float32 clips of speech."""
    names = sorted(n for n in os.listdir(folder) if n.endswith((".wav", ".flac", ".opus", ".mp3", ".ogg")))
    found = []
    for name in names:
        samples = load_audio(os.path.join(folder, name))
        found += [samples[i : i + CLIP * RATE] for i in range(0, len(samples) - CLIP * RATE + 1, CLIP * RATE)]
        if len(found) * CLIP >= seconds:
            break
    return np.stack(found[: max(1, round(seconds / CLIP))])


def onnx_session(module, example, folder, quantized):
    """Return a function that runs a module in ONNX Runtime on one thread."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = os.path.join(folder, "model.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (example,), path, input_names=["x"], output_names=["y"], dynamo=False)
    if quantized:
        quantize_dynamic(path, path + ".int8", weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
        path += ".int8"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda x: torch.from_numpy(session.run(["y"], {"x": x.numpy()})[0])


def frozen(module, example):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module, example, check_trace=False)
        return torch.jit.optimize_for_inference(torch.jit.freeze(traced))


def int8(module, _example):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(module, {nn.Linear}, dtype=torch.qint8)


def bf16(module, _example):
    import copy

    inner = copy.deepcopy(module).bfloat16().eval()
    return lambda x: inner(x.bfloat16()).float()


def ways(folder):
    """Return {name: function of (module, example) that returns a function of the input}."""
    return {
        "fp32": lambda module, _example: module,
        "bf16": bf16,
        "int8 weights, torch": int8,
        "torch.compile": lambda module, _example: torch.compile(module),
        "TorchScript, frozen": frozen,
        "ONNX Runtime, fp32": lambda module, example: onnx_session(module, example, folder, False),
        "ONNX Runtime, int8 weights": lambda module, example: onnx_session(module, example, folder, True),
    }


def timed(run, inputs):
    """Return (frames of all inputs, seconds), after two calls that do not count."""
    with torch.inference_mode():
        for _ in range(2):
            run(inputs[:1])
        started = time.perf_counter()
        found = [run(inputs[i : i + 1]).float().numpy()[0] for i in range(len(inputs))]
        return np.concatenate(found), time.perf_counter() - started


def compare(title, module, inputs, only, folder):
    print(f"\n{title}, {len(inputs) * CLIP} s of speech, one thread")
    book = None
    for name, prepare in ways(folder).items():
        if only and name not in only and name != "fp32":
            continue
        try:
            frames, seconds = timed(prepare(module, inputs[:1]), inputs)
        except Exception as error:
            print(f"  {name:30} fails: {str(error).splitlines()[0][:80]}", flush=True)
            continue
        if book is None:
            book, _ = fit_codebook(frames.copy(), ClusterConfig(k=100), 0)  # it normalises in place
            expected = quantize(frames, book)
        same = (quantize(frames, book) == expected).mean()
        speed = len(inputs) * CLIP / seconds
        print(f"  {name:30} {speed:8.1f} times real time   {same:7.2%} of units the same", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips, only = clips_of(options.folder, options.seconds), set(filter(None, options.only.split(";")))
    with tempfile.TemporaryDirectory() as folder:
        small = load_network(SMALL)
        spectra = np.stack([spectra_of(c, 499, small.config.bands, small.config.spectra) for c in clips])
        compare("small", small, torch.from_numpy(spectra), only, folder)
        make_model(folder)
        encoder = load_encoder(folder, LAYER, "cpu", "fp32")
        compare(f"{LAYER} layers of MMS-300M", Waves(encoder), torch.from_numpy(clips), only, folder)


if __name__ == "__main__":
    main()
