#!/usr/bin/env python3
"""Measure how fast the vocoders speak on one and on two threads, compared with two well-known ones.

    bench/synth.py [--seconds 10] [--rounds 5]

All models have random weights, because the speed does not depend on them. The peers are a HiFi-GAN V1
generator of its original shape (80 mel bands, 512 channels, rates 8, 8, 2, 2, kernels 16, 16, 4, 4; 62.5
frames per second at 16 kHz), and PyPI's vocos of its published size with our 50 frames per second. vocos
requires encodec and torchaudio, but uses only names from them, and torchaudio's binary fits only one build of
torch. Install them into a folder of its own to keep the environment intact:

    pip install --target DIR --no-deps vocos encodec einops torchaudio; rm -f DIR/torchaudio/lib/*.so
    PYTHONPATH=DIR bench/synth.py

Without vocos, its row is left out. Prints one row per model and precision: the real-time factor (seconds per
second of audio, best round) in processor time and in wall-clock time, and the speed relative to v2. Rounds
alternate between the models, so that other load on the machine affects all of them. A processor without bf16
instructions emulates bf16 hundreds of times slower; there, only fp32 is measured.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from units.audio.timing import HOP, RATE
from units.devices import cpu_has_bf16
from units.vocoder import model
from units.vocoder.config import shape_defaults
from units.vocoder.layers import fold_weight_norm
from units.vocoder.v2 import ReceptiveFieldFusion

SHAPES = ((8, 16), (8, 16), (2, 4), (2, 4))  # rates and kernels


class HifiGan(nn.Module):
    """The generator of HiFi-GAN V1 as published (Kong et al. 2020): mel (B, 80, N) to waveform (B, 256 N)."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(80, 512, 7, padding=3)
        widths = [512 // 2**i for i in range(5)]
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(widths[i], widths[i + 1], kernel, rate, (kernel - rate) // 2)
            for i, (rate, kernel) in enumerate(SHAPES)
        )
        self.fusions = nn.ModuleList(ReceptiveFieldFusion(width) for width in widths[1:])
        self.last = nn.Conv1d(widths[-1], 1, 7, padding=3)

    def forward(self, x):
        x = self.first(x)
        for up, fusion in zip(self.ups, self.fusions, strict=True):
            x = fusion(up(leaky_relu(x, 0.1)))
        return torch.tanh(self.last(leaky_relu(x)))


def ours(arch, seconds):
    """Return (M parameters, a function that speaks `seconds` of audio in a given precision)."""
    config = shape_defaults(arch)
    vocoder = model.Vocoder(config, *model.build(config))
    size = sum(p.numel() for p in fold_weight_norm(vocoder.generator).parameters()) / 1e6
    count = round(seconds * RATE / HOP)
    units, f0_hz = [i % 100 for i in range(count)], [100.0 + i % 50 for i in range(count)]

    def speak(dtype):
        vocoder.dtype = dtype
        for _ in vocoder.speak(units, f0_hz):
            pass

    return size, speak


def peer(network, shape):
    """Return the same for a network whose input is mel bands."""
    network = fold_weight_norm(network).eval()
    mel = torch.randn(shape)

    def speak(dtype):
        with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            network(mel)

    return sum(p.numel() for p in network.parameters()) / 1e6, speak


def vocos(seconds):
    """Return the same for PyPI's vocos, with FFT 1280 and hop 320, or None if it is not installed."""
    try:
        from vocos.heads import ISTFTHead
        from vocos.models import VocosBackbone
    except ImportError:
        return None
    backbone = VocosBackbone(input_channels=80, dim=512, intermediate_dim=1536, num_layers=8)
    network = nn.Sequential(backbone, ISTFTHead(dim=512, n_fft=4 * HOP, hop_length=HOP, padding="center"))
    return peer(network, (1, 80, round(seconds * RATE / HOP)))


def measure(rivals, dtypes, rounds, seconds):
    """Return {(name, dtype): (best processor seconds, best wall seconds)} per second of audio."""
    best = {}
    for turn in range(rounds + 1):  # the first turn warms up
        for name, (_, speak) in rivals.items():
            for dtype in dtypes:
                used, began = time.process_time(), time.perf_counter()
                speak(dtype)
                took = (time.process_time() - used) / seconds, (time.perf_counter() - began) / seconds
                if turn:
                    before = best.get((name, dtype), took)
                    best[name, dtype] = tuple(min(pair) for pair in zip(before, took, strict=True))
    return best


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10, help="of audio")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    torch.manual_seed(0)
    dtypes = [torch.float32, torch.bfloat16] if cpu_has_bf16() else [torch.float32]
    frames = round(options.seconds * RATE / 256)
    rivals = {arch: ours(arch, options.seconds) for arch in ("v1", "v2", "fast")}
    rivals["HiFi-GAN V1"] = peer(HifiGan(), (1, 80, frames))
    if found := vocos(options.seconds):
        rivals["vocos"] = found
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    print(f"{options.seconds:g} s of audio on {(names or ['?'])[0]}, load {os.getloadavg()[0]:.1f}")
    print("| threads | model | M parameters | precision | RTF, processor | RTF, wall | times v2, processor |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for threads in options.threads:
        torch.set_num_threads(threads)
        found = measure(rivals, dtypes, options.rounds, options.seconds)
        for (name, dtype), (used, wall) in found.items():
            times = found["v2", dtype][0] / used
            precision = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
            row = f"{rivals[name][0]:.1f} | {precision} | {used:.4f} | {wall:.4f} | {times:.1f}"
            print(f"| {threads} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
