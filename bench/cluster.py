#!/usr/bin/env python3
"""su-cluster's k-means against scikit-learn's MiniBatchKMeans and faiss's defaults, on held-out frames.

    bench/cluster.py [-k 100] [--seeds 3] [FEATURES...]

FEATURES: records of su-encode; every tenth is held out. Without them: 100,000 frames of 1024 dimensions that
a random network makes of a random walk. All work on the same z-scored frames; the figure is the mean squared
distance of held-out frames. Prints a Markdown table. The status is 1 if ours is not the lowest, or is slower
than scikit-learn.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import faiss
import numpy as np
from sklearn.cluster import MiniBatchKMeans

from units.codebook.kmeans import fit_codebook
from units.config import ClusterConfig
from units.files.streams import features_of, read_records


def ours(points, k, seed, **options):
    book, _ = fit_codebook(points, ClusterConfig(k=k, **options), seed)
    return book.centroids * book.scale + book.mean


def faiss_kmeans(points, k, seed, **options):
    kmeans = faiss.Kmeans(points.shape[1], k, seed=seed, **options)
    kmeans.train(points)
    return kmeans.centroids


def minibatch(points, k, seed, **options):
    return MiniBatchKMeans(k, random_state=seed, **options).fit(points).cluster_centers_


def contenders(frames):
    every = {"max_points_per_centroid": frames, "niter": 25}
    methods = {
        "su-cluster": (ours, {}),
        "su-cluster --nredo 1": (ours, {"nredo": 1}),
        "faiss, its defaults (256 frames a centroid)": (faiss_kmeans, {}),
        "faiss, all frames": (faiss_kmeans, every),
    }
    for name in ("KMEANS_PLUS_PLUS", "AFK_MC2"):  # newer versions of faiss have them
        method = getattr(faiss, f"ClusteringInitMethod_{name}", None)
        if method is not None:
            methods[f"faiss, all frames, {name}"] = faiss_kmeans, {**every, "init_method": method}
    methods["sklearn MiniBatchKMeans, its defaults"] = minibatch, {}
    methods["sklearn MiniBatchKMeans, batches of 10,000"] = minibatch, {"batch_size": 10_000}
    return methods


def inertia(points, centroids):
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(centroids, np.float32))
    return float(index.search(points, 1)[0].mean(dtype=np.float64))


def random_network(frames=100_000, hidden=32, width=1024, seed=0):
    random = np.random.default_rng(seed)
    walk = random.standard_normal((frames, hidden), np.float32)
    for i in range(1, frames):
        walk[i] += 0.9 * walk[i - 1]
    walk += 4 * random.standard_normal((200, hidden), np.float32)[np.arange(frames) // 7 * 7919 % 200]
    return np.tanh(walk @ random.standard_normal((hidden, width), np.float32) / 8)


def load(paths):
    """Return the (N, D) frames to train on and those held out, z-scored."""
    if paths:
        records = [features_of(record) for record in read_records(paths)]
        held = np.concatenate(records[::10])
        train = np.concatenate([frames for i, frames in enumerate(records) if i % 10])
    else:
        frames = random_network()
        train, held = frames[10_000:], frames[:10_000]
    mean, scale = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    return [((part - mean) / scale).astype(np.float32) for part in (train, held)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep-going", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("features", nargs="*")
    options = parser.parse_args()
    train, held = load(options.features)
    methods = contenders(len(train))
    results = {name: ([], []) for name in methods}
    for seed in range(options.seeds):
        for name, (method, settings) in methods.items():
            points = train.copy()
            start = time.perf_counter()
            centroids = method(points, options.k, seed, **settings)
            results[name][0].append(time.perf_counter() - start)
            results[name][1].append(inertia(held, centroids))
    print(f"{len(train)} frames of {train.shape[1]} dimensions, {len(held)} held out, K={options.k},")
    print(f"{options.seeds} seeds, {os.cpu_count()} cores\n")
    print("| | s | held-out inertia | spread |\n|---|---|---|---|")
    for name, (seconds, inertias) in results.items():
        spread = max(inertias) - min(inertias)
        print(f"| {name} | {np.median(seconds):.2f} | {np.mean(inertias):.3f} | {spread:.3f} |")
    return verdict({name: (np.median(s), np.mean(i)) for name, (s, i) in results.items()})


def verdict(results):
    seconds, least = results["su-cluster"]
    peers = {name: result for name, result in results.items() if "sklearn" in name or "its defaults" in name}
    higher = [name for name, (_, peer) in peers.items() if least > peer]
    faster = [name for name, (peer, _) in peers.items() if "sklearn" in name and peer < seconds]
    print(f"\nlower inertia than ours: {higher or 'none'}; sklearn faster than ours: {faster or 'none'}")
    return 1 if higher or faster else 0


if __name__ == "__main__":
    sys.exit(main())
