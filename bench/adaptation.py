#!/usr/bin/env python3
"""Compare encoders for your own audio: trained from scratch, shipped (small), and small adapted to it.

    bench/adaptation.py [--cpu-seconds 600] [--minutes 10,60,0] [--threads 1] FOLDER...

FOLDER: as in bench/units.py. If there are several speakers, the recordings of the first one are trained on
and the others are scored. With one speaker, every fourth recording is scored, and the others are trained on,
up to the given minutes (0 means all). Each training gets the same CPU time of the process. Prints a Markdown
table: PNMI and ABX of K=100 units of z-scored frames of the encoder's default layer, without silence, next to
mfcc's.
"""

import argparse
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import torch

from units.audio.reading import load_record
from units.encoders import models
from units.encoders.learned import SMALL, Learned, load_network
from units.training.encoder import corpus
from units.training.encoder.config import PretrainingConfig
from units.training.encoder.training import EncoderRun
from units.training.split import split_held_out

FIGURES = ("pnmi", "abx_within", "abx_across")


def bench(name):
    """Return another of these commands as a module."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), f"{name}.py")
    loader = importlib.machinery.SourceFileLoader(f"bench_{name}", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def divide(records):
    """Return the records to train on and those to score."""
    speakers = list(dict.fromkeys(record.get("speaker", "") for record in records))
    if len(speakers) > 1:
        own = [record.get("speaker", "") == speakers[0] for record in records]
        return [r for r, o in zip(records, own, strict=True) if o], [
            r for r, o in zip(records, own, strict=True) if not o
        ]
    return [r for i, r in enumerate(records) if i % 4], records[::4]


def first_minutes(records, minutes):
    """Return about that many minutes of records, spread over all of them, and their minutes; 0 means all."""
    lengths = [len(load_record(record)) / 16000 for record in records]
    stride = max(1, int(sum(lengths) / (60 * minutes))) if minutes else 1
    chosen, seconds = [], 0.0
    for first in range(stride):
        for record, length in zip(records[first::stride], lengths[first::stride], strict=True):
            if not minutes or seconds < 60 * minutes:
                chosen.append(record)
                seconds += length
    return chosen, seconds / 60


def train(records, initial, options):
    """Return the network trained on records in the given time, and its steps; from scratch in two rounds."""
    shape = initial.config if initial else load_network(SMALL).config
    config = PretrainingConfig(
        steps=10**6,
        rounds=1 if initial else 2,
        clusters=(500,) if initial else (100, 500),
        target_layer=shape.layers - 1,
        batch_seconds=48,
        lr=5e-4 if initial else 2e-3,
        max_hours=options.cpu_seconds / 3600,
        save_every=10**6,
    )
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "cache"))
        parts = split_held_out(records, config.held_out, 0)
        corpora = [
            corpus.build_corpus(part, os.path.join(folder, f"corpus{i}")) for i, part in enumerate(parts)
        ]
        device = torch.device("cpu")
        run = EncoderRun(folder, shape, config, *corpora, device, initial=initial, clock=time.process_time)
        run.run()
    return run.average.float(), run.step


def row(name, encode, scored, phones, measuring):
    """Print the scores of an encoder."""
    frames = [(record, encode(load_record(record))) for record in scored]
    found = measuring.measure(frames, phones, measuring.units_of(frames, 100, {}, None), 1)
    cells = [f"{found[figure]:.3f}" if figure in found else "" for figure in FIGURES]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def encoder_of(network):
    return Learned(network, "", [network.config.default_layer]).encode


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu-seconds", type=float, default=600)
    parser.add_argument("--minutes", default="10,60,0")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measuring = bench("units")
    for folder in options.folders:
        pairs, phones = measuring.read_folder(folder, 1)
        own, scored = divide([record for record, _ in pairs])
        print(
            f"\n{os.path.basename(os.path.abspath(folder))}, {options.cpu_seconds:.0f} CPU s per training\n"
        )
        print("| | PNMI | ABX within | ABX across |\n|---|---|---|---|")
        row("mfcc", models.load_encoder("mfcc").encode, scored, phones, measuring)
        row("small, as shipped", encoder_of(load_network(SMALL)), scored, phones, measuring)
        for minutes in map(float, options.minutes.split(",")):
            chosen, heard = first_minutes(own, minutes)
            for name, initial in (("from scratch", None), ("small, adapted", load_network(SMALL))):
                network, steps = train(chosen, initial, options)
                title = f"{name}, {heard:.0f} min, {steps} steps"
                row(title, encoder_of(network), scored, phones, measuring)


if __name__ == "__main__":
    main()
