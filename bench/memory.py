#!/usr/bin/env python3
"""Measure the memory that networks need: the peak of all live tensors, on a CPU, as a GPU would hold them.

    bench/memory.py [--only NAME] [--quick]

Each row is one batch of an encoder, or one training step, at the batch that su-encode uses on a GPU and at the
defaults of su-train-*. Networks have random weights and their true shapes. Encoders take their path for a GPU:
whole batches at once. The figure is the largest sum of the sizes of all tensors alive at one moment, weights
and, in training, gradients, averages and the optimizers' moments included. A GPU needs about 0.5 GB more for
its context and libraries, and some for fragments; attention is counted as the CPU computes it. --quick takes
narrow networks, to test the script.
"""

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
import weakref

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from units.audio.timing import HOP, RATE
from units.devices import choose
from units.encoders.models import load_encoder
from units.training.vocoder.config import training_defaults
from units.training.vocoder.descent import Descent
from units.training.vocoder.discriminators import Discriminators
from units.vocoder.config import shape_defaults
from units.vocoder.model import build

SEGMENT_S = 5.0  # of the segments in a batch


class Peak(TorchDispatchMode):
    """Counts the bytes of the storages of all tensors that the operations of the block make."""

    def __init__(self, *modules):
        super().__init__()
        self.now = self.most = sum(
            tensor.untyped_storage().nbytes()
            for module in modules
            for tensor in (*module.parameters(), *module.buffers())
        )
        self._known = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run an operation and count the storages of its results."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage):
        key = storage._cdata
        if key not in self._known and storage.nbytes():
            self._known.add(key)
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key, size):
        self._known.discard(key)
        self.now -= size


def encoder_of(name, dtype, folder, quick):
    """Return an encoder of a name with random weights, on its path for a GPU."""
    if name == "small":
        encoder = load_encoder("small", None, "cpu", dtype)
    else:
        save_model(name, folder, quick)
        encoder = load_encoder(folder, 2 if quick else None, "cpu", dtype)
    encoder.asynchronous = name != "whisper-small"  # which has no other path
    encoder._to_device = lambda tensor: tensor.to(encoder.dtype)
    encoder._to_host = lambda hidden: (hidden.float(), lambda: None)
    encoder._on_device = contextlib.nullcontext
    return encoder


def save_model(name, folder, quick):
    """Save a model of random weights: the shape of MMS-300M or of Whisper small."""
    import transformers

    torch.manual_seed(0)
    if name == "mms-300m":
        width, depth = (64, 2) if quick else (1024, 24)
        config = transformers.Wav2Vec2Config(
            hidden_size=width,
            num_hidden_layers=depth,
            num_attention_heads=width // 64,
            intermediate_size=4 * width,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            conv_bias=True,
        )
        transformers.Wav2Vec2Model(config).save_pretrained(folder)
        transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    else:
        width, depth = (64, 2) if quick else (768, 12)
        config = transformers.WhisperConfig(
            d_model=width,
            encoder_layers=depth,
            decoder_layers=1,
            encoder_attention_heads=width // 64,
            decoder_attention_heads=width // 64,
        )
        transformers.WhisperModel(config).save_pretrained(folder)


def encoding(name, dtype, seconds, quick):
    """Return the peak bytes of one batch of an encoder."""
    with tempfile.TemporaryDirectory() as folder:
        encoder = encoder_of(name, dtype, folder, quick)
    count = max(1, round(seconds / max(SEGMENT_S, encoder.least_seconds)))
    random = np.random.default_rng(0)
    audio = [random.normal(0, 0.1, round(SEGMENT_S * RATE)).astype(np.float32) for _ in range(count)]
    network = getattr(encoder, "_model", None) or encoder._network
    pieces = [piece for samples in audio for piece in encoder.pieces(samples)]
    with Peak(network) as peak:
        encoder.launch(pieces)()
    return peak.most


def training(arch, dtype, batch, quick):
    """Return the peak bytes of the second step of a vocoder with its discriminators; the first makes state."""
    config = dataclasses.replace(shape_defaults(arch), units=100)
    settings = training_defaults(arch)
    if quick:
        config = dataclasses.replace(config, width=32)
        settings = dataclasses.replace(settings, discriminator_width=0.05, crop_seconds=0.4)
    generator = build(config)[0]
    discriminators = Discriminators(settings.discriminators, settings.discriminator_width)
    descent = Descent(generator, discriminators, settings, "cpu", dtype)
    frames = round(settings.crop_seconds * RATE / HOP)
    seen = round((settings.discriminator_seconds or settings.crop_seconds) * RATE) // HOP * HOP
    random = np.random.default_rng(0)
    units = torch.as_tensor(random.integers(100, size=(batch, frames)))
    f0_hz = torch.full((batch, frames), 120.0)
    data = units, f0_hz, torch.zeros(batch, frames, dtype=torch.long), torch.randn(batch, frames * HOP)
    with Peak(generator, generator, discriminators) as peak:  # twice: the averaged weights
        for step in range(2):
            descent.step(data, (1e-4, 1e-4), step, slice(0, seen))
    return peak.most


def rows(quick):
    """Yield (name, function) of each row."""
    for name, seconds in (("mms-300m", 200), ("mms-300m", 50), ("small", 200), ("whisper-small", 200)):
        for dtype in ("bf16", "fp32"):
            length = seconds / 20 if quick else seconds
            yield f"su-encode -m {name}, {seconds} s, {dtype}", (encoding, name, dtype, length, quick)
    for arch in ("fast", "v1", "v2"):
        batch = training_defaults(arch).batch_size
        for dtype in (torch.bfloat16, torch.float32):
            words = f"su-train-vocoder --arch {arch}, {batch} crops, {str(dtype).removeprefix('torch.')}"
            yield words, (training, arch, dtype, 2 if quick else batch, quick)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="measure only the rows whose name has this text")
    parser.add_argument("--quick", action="store_true", help="narrow networks and short batches")
    options = parser.parse_args()
    choose("cpu")
    print("| what | memory, GB |\n|---|---|", flush=True)
    for name, (function, *arguments) in rows(options.quick):
        if options.only in name:
            print(f"| {name} | {function(*arguments) / 1e9:.2f} |", flush=True)


if __name__ == "__main__":
    main()
