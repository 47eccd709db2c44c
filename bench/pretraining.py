#!/usr/bin/env python3
"""Compare ways to train a small encoder, each with the same processor time.

    bench/pretraining.py --keep FOLDER [--cpu-seconds 7200] [--only NAME;...] [--labels FILE...]
                         SEGMENTS HELD_OUT SCORED...

SEGMENTS, HELD_OUT: records to train on and to validate with. SCORED: folders on which layers are scored (PNMI
and ABX of K=100 units of z-scored frames, without silence): wav/ with lab/, or records.jsonl with
alignments.jsonl. --labels: frame labels for the rivals that use them. Time is the processor time of the
process, so several rivals may run at once. FOLDER keeps the encoder of each rival; a rival that was
interrupted continues there, and one that is complete is only scored. Prints a Markdown row per layer.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import torch
from adaptation import bench

from units.encoders.learned import load_network
from units.encoders.network import NetworkConfig
from units.files.streams import read_records
from units.training.encoder import corpus
from units.training.encoder.config import AugmentConfig, PretrainingConfig
from units.training.encoder.labels import read_labels
from units.training.encoder.scoring import score_layers
from units.training.encoder.training import EncoderRun

SHAPE = NetworkConfig(
    width=256, layers=5, heads=4, feedforward=768, conv_kernel=15, attention_span=50, default_layer=3
)
BASE = PretrainingConfig(
    steps=10**6, rounds=2, clusters=(100, 500), target_layer=3, batch_seconds=64, save_every=250
)
NONE = AugmentConfig(speed=0, pitch=0, formants=0, noise=0)
MORE = AugmentConfig(speed=0.15, pitch=0.25, formants=0.2, noise=0.5)
DEEP = {"width": 192, "layers": 9, "heads": 3, "feedforward": 576, "default_layer": 5}
WIDE = {"width": 384, "heads": 6, "feedforward": 1152}
ONLINE = {"rounds": 1, "clusters": (100,), "online_layers": 3, "fade": 0.25}
SWAPPED = {"objective": "swapped", "rounds": 0, "lr": 3e-4}


@dataclass(frozen=True)
class Rival:
    """A way to train: a shape, settings, labels or not, and the rival that it continues from."""

    shape: NetworkConfig = SHAPE
    settings: PretrainingConfig = BASE
    labels: bool = False
    after: str = ""
    share: float = 1.0  # of the processor seconds


def rival(shape=None, labels=False, after="", share=1.0, **settings):
    return Rival(replace(SHAPE, **(shape or {})), replace(BASE, **settings), labels, after, share)


RIVALS = {
    "clusters": rival(),
    "clusters, not augmented": rival(augment=NONE),
    "codewords": rival(**ONLINE),
    "clusters and codewords": rival(online_layers=3),
    "clusters, then swapped": rival(after="clusters", share=0.2, **SWAPPED),
    "codewords, then swapped": rival(after="codewords", share=0.2, **SWAPPED),
    "clusters and labels": rival(labels=True),
    "codewords and labels": rival(labels=True, **ONLINE),
    "labels": rival(labels=True, rounds=0),
    "clusters and labels, then swapped": rival(after="clusters and labels", share=0.2, **SWAPPED),
    "clusters and labels: half the masks": rival(labels=True, mask_share=0.03),
    "clusters and labels: clusters of the last layer": rival(labels=True, target_layer=5),
    "clusters and labels: half the batch": rival(labels=True, batch_seconds=32),
    "clusters and labels: rate 3e-3": rival(labels=True, lr=3e-3),
    "clusters and labels: larger changes": rival(labels=True, augment=MORE),
    "clusters and labels: no changes": rival(labels=True, augment=NONE),
    "clusters and labels: deep and narrow": rival(DEEP, labels=True, target_layer=5),
    "clusters and labels: 9 M parameters": rival(WIDE, labels=True),
    "deep and narrow": rival(DEEP, target_layer=5),
    "9 M parameters": rival(WIDE),
    "clusters, another seed": rival(seed=1),
    "codewords, another seed": rival(seed=1, **ONLINE),
    "clusters and labels, another seed": rival(labels=True, seed=1),
}


def trained(name, options, labels):
    """Return the network of a rival, trained or continued in its folder."""
    chosen, folder = RIVALS[name], os.path.join(options.keep, name.replace(" ", "-").replace(",", ""))
    done = os.path.join(folder, "done")
    if os.path.exists(done):
        return load_network(folder)
    os.makedirs(os.path.join(folder, "cache"), exist_ok=True)
    known = labels if chosen.labels else None
    corpora = [
        corpus.build_corpus(list(read_records([path])), os.path.join(options.keep, kept), labels=known)
        for path, kept in ((options.segments, "training"), (options.held_out, "held-out"))
    ]
    initial = trained(chosen.after, options, labels) if chosen.after else None
    settings = replace(chosen.settings, max_hours=chosen.share * options.cpu_seconds / 3600)
    run = EncoderRun(
        folder,
        initial.config if initial else chosen.shape,
        settings,
        *corpora,
        initial=initial,
        labels=len(labels.names) if known else 0,
        clock=time.process_time,
    )
    if os.path.exists(run.path_of("checkpoint.safetensors")):
        run.resume()
    with open(os.path.join(folder, "log.jsonl"), "a") as log:
        run.run(lambda line: print(json.dumps(line), file=log, flush=True))
    with open(done, "w") as file:
        print(f"{run.step} steps, {run.seconds:.0f} s", file=file)
    return load_network(folder)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", required=True, help="folder for the encoders")
    parser.add_argument("--cpu-seconds", type=float, default=7200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="rivals to run, separated by semicolons: " + "; ".join(RIVALS))
    parser.add_argument("--labels", action="append", default=[], help="frame labels, as --targets takes them")
    parser.add_argument("--every", type=int, default=4, help="score every Nth recording of wav/")
    parser.add_argument("--units", type=int, default=100, help="K")
    parser.add_argument("segments")
    parser.add_argument("held_out")
    parser.add_argument("scored", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    labels = read_labels(options.labels) if options.labels else None
    folders = {os.path.basename(os.path.abspath(path)): path for path in options.scored}
    measuring = bench("units")
    scored = {
        name: measuring.records_of(path, 1 if i else options.every)
        for i, (name, path) in enumerate(folders.items())
    }
    figures = " | ".join(f"{name}: PNMI | ABX within | ABX across" for name in scored)
    print(f"| K={options.units} | M parameters | layer | {figures} |")
    print("|---|---|---|" + "---|---|---|" * len(scored), flush=True)
    for name in options.only.split(";") if options.only else RIVALS:
        network = trained(name, options, labels)
        size = sum(weight.numel() for weight in network.parameters()) / 1e6
        rows = [score_layers(network, *pair, options.units) for pair in scored.values()]
        for layer in range(1, network.config.layers + 1):
            cells = [
                f"{row[layer][key]:.3f}" if key in row[layer] else ""
                for row in rows
                for key in ("pnmi", "abx_within", "abx_across")
            ]
            print(f"| {name} | {size:.1f} | {layer} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
