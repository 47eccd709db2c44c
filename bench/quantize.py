#!/usr/bin/env python3
"""Assigning frames to centroids against numpy's own product and argmin, and the cost of smoothing.

    bench/quantize.py [-k 100] [-d 1024] [--frames 100000]

Frames come as records of ten seconds, 500 frames each, and as one record. Prints a Markdown table of thousand
frames per second, the best of five rounds in which all take turns. The status is 1 if ours takes over 20 %
longer than `(frames @ centroids.T - norms / 2).argmax(axis=1)`.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import faiss
import numpy as np
import torch
from sklearn.metrics import pairwise_distances_argmin

from units.codebook.codebook import Codebook
from units.codebook.quantize import assign, quantize

ROUNDS = 5


def plain(frames, centroids):
    return (frames @ centroids.T - 0.5 * np.square(centroids).sum(axis=1)).argmax(axis=1)


def bare(frames, centroids):
    """Nearest by angle only: the product and the argmax alone."""
    return (frames @ centroids.T).argmax(axis=1)


def by_faiss(frames, centroids):
    index = faiss.IndexFlatL2(centroids.shape[1])
    index.add(centroids)
    return index.search(frames, 1)[1]


def by_cdist(frames, centroids):
    return torch.cdist(torch.from_numpy(frames), torch.from_numpy(centroids)).argmin(dim=1)


def in_records(method, length=500):
    def run(frames, centroids):
        return [method(frames[i : i + length], centroids) for i in range(0, len(frames), length)]

    return run


def whole_tool(penalty=0.0):
    """Return what su-quantize does with a record: normalise, assign, and smooth."""

    def run(frames, centroids):
        ones = np.ones(centroids.shape[1], np.float32)
        return quantize(frames, Codebook(centroids, 0 * ones, ones), penalty)

    return run


METHODS = {
    "numpy: product, norms, argmax": plain,
    "numpy: product and argmax alone": bare,
    "su-quantize: assign": assign,
    "su-quantize: assign, records of 10 s": in_records(assign),
    "numpy, records of 10 s": in_records(plain),
    "su-quantize: normalise and assign, records of 10 s": in_records(whole_tool()),
    "su-quantize: normalise, assign, smooth, records of 10 s": in_records(whole_tool(10.0)),
    "faiss": by_faiss,
    "scikit-learn": pairwise_distances_argmin,
    "torch.cdist": by_cdist,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep-going", type=int, default=100)
    parser.add_argument("-d", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=100_000)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    frames = random.standard_normal((options.frames, options.d), np.float32)
    centroids = random.standard_normal((options.k, options.d), np.float32)
    seconds = dict.fromkeys(METHODS, np.inf)
    for _ in range(ROUNDS):
        for name, method in METHODS.items():
            start = time.perf_counter()
            method(frames, centroids)
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    print(f"{options.frames} frames of {options.d} dimensions, K={options.k}, {os.cpu_count()} cores\n")
    print("| | thousand frames/s |\n|---|---|")
    for name, best in seconds.items():
        print(f"| {name} | {options.frames / best / 1000:.0f} |")
    ratio = seconds["su-quantize: assign"] / seconds["numpy: product, norms, argmax"]
    print(f"\nours takes {ratio:.2f} of numpy's time")
    return 0 if ratio <= 1.2 else 1


if __name__ == "__main__":
    sys.exit(main())
