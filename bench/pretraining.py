#!/usr/bin/env python3
"""Compare ways to train a small encoder without labels, each with the same CPU time.

    bench/pretraining.py [--cpu-seconds 480] [--only NAME;...] [--threads 1] SEGMENTS SCORED...

SEGMENTS: records to train on. SCORED: folders as in bench/units.py (wav/ with lab/, or records.jsonl with
alignments.jsonl) on which layers are scored: PNMI and ABX of K=100 units of z-scored frames, without silence.
Time is the CPU time of the process, so two rivals may run at once. Prints a Markdown table with one row per
rival: the layer with the best PNMI on the first folder.
"""

import argparse
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import time
from dataclasses import replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import torch
from torch.nn.functional import cross_entropy

from units.audio.reading import load_record
from units.encoders.learned import Learned
from units.encoders.network import NetworkConfig
from units.files.streams import read_records
from units.training.encoder import augment, corpus, targets
from units.training.encoder.config import AugmentConfig, PretrainingConfig
from units.training.encoder.training import EncoderRun, _clusters
from units.training.split import split_held_out

SHAPE = NetworkConfig(width=192, layers=4, heads=4, feedforward=768, default_layer=3)
NONE = AugmentConfig(speed=0, pitch=0, formants=0, noise=0)
BASE = PretrainingConfig(
    steps=10**6, rounds=1, target_layer=3, batch_seconds=48, augment=NONE, save_every=10**6
)


def rival(shape=None, augmented=None, kind=EncoderRun, **config):
    return (
        kind,
        replace(SHAPE, **(shape or {})),
        replace(BASE, augment=replace(NONE, **(augmented or {})), **config),
    )


class Contrastive(EncoderRun):
    """CPC (van den Oord et al. 2018): distinguish the next frames from other frames of the crop."""

    AHEAD, NEGATIVES = 12, 64

    def __init__(self, folder, shape, config, *rest, **options):
        super().__init__(
            folder, shape, replace(config, clusters=(shape.width * self.AHEAD,)), *rest, **options
        )
        for layer in self.network.layers:
            layer.attention.forward = _causal(layer.attention)
        before = shape.position_kernel - 1
        self.network.position.padding = (0,)
        self.network.position.register_forward_pre_hook(
            lambda _module, args: (torch.nn.functional.pad(args[0], (0, 0, before, 0)),)
        )
        self.average.load_state_dict(self.network.state_dict())

    def _train(self, batch):
        self._set_rate()
        with torch.no_grad():
            spectra = augment.spectra(
                torch.as_tensor(batch.tapes), batch.plans, batch.real.shape[1], self.network.config
            )
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            seen = self.network.input_norm(self.network.input(spectra))
            heard = self.network(spectra, last=self.settings.target_layer)
            loss = self._loss(seen, heard)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], 5.0)
        self.optimizer.step()
        self.step += 1
        self.follow(self.network)
        return {"loss": loss.detach()}

    def _loss(self, seen, heard):
        length, width = seen.shape[1], seen.shape[2]
        guesses = self.heads[0](heard).unflatten(-1, (self.AHEAD, width))
        total = 0.0
        for ahead in range(1, self.AHEAD + 1):
            guess, right = guesses[:, :-ahead, ahead - 1], seen[:, ahead:]
            wrong = seen[:, torch.randint(length, (self.NEGATIVES,))]
            scores = torch.cat([(guess * right).sum(-1, keepdim=True), guess @ wrong.transpose(1, 2)], dim=-1)
            scores = scores.float() / width**0.5
            total = total + cross_entropy(
                scores.flatten(0, 1), torch.zeros(scores[..., 0].numel(), dtype=torch.long)
            )
        return total / self.AHEAD

    def _line(self, _found):
        return {"step": self.step}


def _causal(attention):
    def forward(hidden, _real):
        parts = attention.input(attention.norm(hidden)).unflatten(-1, (3, attention.heads, -1))
        mixed = torch.nn.functional.scaled_dot_product_attention(
            *parts.permute(2, 0, 3, 1, 4), is_causal=True
        )
        return attention.output(mixed.transpose(1, 2).flatten(-2))

    return forward


class PlainTargets(EncoderRun):
    """Targets from z-scored MFCC frames, as in HuBERT, instead of whitened windows."""

    def _make_targets(self):
        if self.round:
            return super()._make_targets()
        from units.encoders import models

        corpora, k = (self.corpus, self.held_out), _clusters(self.settings, 0)
        return targets.clusters(corpora, models.load_encoder("mfcc").encode, k, self.settings.seed)


EACH = {"speed": 0.1, "pitch": 0.15, "formants": 0.1, "noise": 0.3}
RIVALS = {
    "masked prediction, whitened windows of MFCC": rival(),
    "targets of plain MFCC": rival(kind=PlainTargets),
    "contrastive (CPC)": rival(kind=Contrastive),
    **{f"with {name}": rival(augmented={name: size}) for name, size in EACH.items()},
    "with all four": rival(augmented=EACH),
    "three rounds": rival(rounds=3),
    "three rounds, with all four": rival(rounds=3, augmented=EACH),
    "200 targets": rival(clusters=(200,)),
    "500 targets": rival(clusters=(500,)),
    "spectra of 20 ms": rival({"spectra": 1}),
    "two layers of width 256": rival(
        {"layers": 2, "width": 256, "feedforward": 1024, "default_layer": 1}, target_layer=1
    ),
    "seven layers of width 144": rival(
        {"layers": 7, "width": 144, "feedforward": 576, "heads": 3, "default_layer": 5}
    ),
    "convolutions in the layers": rival({"conv_kernel": 15}),
    "convolutions, three rounds, all four": rival({"conv_kernel": 15}, rounds=3, augmented=EACH),
    "convolutions, feed-forward of 2": rival({"conv_kernel": 15, "feedforward": 384}),
    "crops of 8 s": rival(crop_seconds=8.0),
    "batches of 24 s": rival(batch_seconds=24),
    "rate 4e-3": rival(lr=4e-3),
}


def score(network, scored, measuring):
    """Return [(layer, [figures of each folder])] of K=100 units of a network's layers."""
    encoder = Learned(network, "", "all", "cpu", "auto")
    rows = [[] for _ in encoder.layers]
    for records, phones in scored:
        hidden = [encoder.launch([*encoder.pieces(load_record(record))][:1])()[0] for record in records]
        for layer, row in enumerate(rows):
            frames = [(record, states[layer]) for record, states in zip(records, hidden, strict=True)]
            row.append(measuring.measure(frames, phones, measuring.units_of(frames, 100, {}, None), 1))
    return list(enumerate(rows))[1:]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cpu-seconds", type=float, default=480)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="rivals to run, separated by semicolons: " + "; ".join(RIVALS))
    parser.add_argument("--every", type=int, default=4, help="score every Nth recording of the first folder")
    parser.add_argument("segments")
    parser.add_argument("scored", nargs="+")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measuring = _bench_units()
    scored = []
    for number, folder in enumerate(options.scored):
        pairs, phones = measuring.read_folder(folder, 1 if number else options.every)
        scored.append(([record for record, _ in pairs], phones))
    names = [os.path.basename(os.path.abspath(folder)) for folder in options.scored]
    figures = " | ".join(f"{name}: PNMI | ABX within | ABX across" for name in names)
    print(f"| {options.cpu_seconds:.0f} CPU s | M parameters | steps | layer | {figures} |")
    print("|---|---|---|---|" + "---|---|---|" * len(names), flush=True)
    work = tempfile.mkdtemp()
    parts = split_held_out(list(read_records([options.segments])), BASE.held_out, 0)
    corpora = [corpus.build_corpus(part, os.path.join(work, str(i))) for i, part in enumerate(parts)]
    targets.clusters = _once(targets.clusters)
    for name in options.only.split(";") if options.only else RIVALS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            run = _run(folder, *RIVALS[name], corpora, options.cpu_seconds)
        found = score(run.average.float(), scored, measuring)
        layer, row = max(found, key=lambda pair: pair[1][0]["pnmi"])
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
        cells = [
            f"{figure.get(key, float('nan')):.4f}"
            for figure in row
            for key in ("pnmi", "abx_within", "abx_across")
        ]
        size = sum(p.numel() for p in run.network.parameters()) / 1e6
        print(f"| {name} | {size:.2f} | {run.step} | {layer} | {' | '.join(cells)} |", flush=True)


def _once(make):
    """Return targets.clusters with a cache for MFCC, whose targets are the same for many rivals."""
    kept = {}

    def clusters(corpora, encode, k, seed, **options):
        if encode.__self__.names != ["mfcc39"]:
            return make(corpora, encode, k, seed, **options)
        key = (k, *sorted(options.items()))
        if key not in kept:
            kept[key] = make(corpora, encode, k, seed, **options)
        return kept[key]

    return clusters


def _run(folder, kind, shape, config, corpora, seconds):
    os.makedirs(os.path.join(folder, "cache"))
    config = replace(config, max_hours=seconds / 3600)
    run = kind(folder, shape, config, *corpora, torch.device("cpu"), clock=time.process_time)
    run._targets()  # many rivals share the first targets, so their time is not counted
    run.run()
    return run


def _bench_units():
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "units.py")
    loader = importlib.machinery.SourceFileLoader("bench_units", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_units", loader))
    loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
