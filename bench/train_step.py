#!/usr/bin/env python3
"""Time a training step of each vocoder against a straightforward loop, on the same machine and speech.

    bench/train_step.py [--steps 3] [--batch-size N] [--threads 1] [--profile] RECORDS

RECORDS: units with their audio, as su-quantize writes them; the first ten minutes are used. The
straightforward loop takes the same steps in fp32, but decodes the recording of each crop every time and
estimates its F0. Both use the architecture's default crop and batch unless given, with discriminators; ours
is also timed without. Each runs in its own process. Prints steps per second by CPU and by wall clock, the
share of loading, and peak memory. --profile prints a profile by torch.profiler.
"""

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

ARCHS, WAYS = ("v1", "v2", "fast"), ("ours", "ours, no discriminators", "straightforward")
MINUTES = 10


def prepared(options, folder):
    """Return a VocoderRun of an architecture and the records that it trains on."""
    from units.devices import choose, choose_dtype
    from units.files.streams import read_records
    from units.training.vocoder import dataset
    from units.training.vocoder.config import training_defaults
    from units.training.vocoder.training import VocoderRun
    from units.vocoder.config import shape_defaults

    records, frames = [], 0
    for record in read_records([options.records]):
        record.pop("speaker", None)
        records.append(record)
        frames += len(record["units"])
        if frames > MINUTES * 3000:
            break
    count = 1 + max(max(record["units"]) for record in records)
    config = dataclasses.replace(shape_defaults(options.arch), units=count)
    start = 1e9 if options.way == WAYS[1] else 0.0
    settings = dataclasses.replace(training_defaults(options.arch), adversarial_start=start)
    if options.batch_size:
        settings = dataclasses.replace(settings, batch_size=options.batch_size)
    corpus = dataset.build_corpus(records, (), os.path.join(folder, "cache"))
    device = choose()
    dtype = choose_dtype("fp32" if options.way == WAYS[2] else "auto", device)
    return VocoderRun(folder, config, settings, corpus, corpus, device, dtype), records


def straightforward(records, length, size, random):
    """Return a batch of crops from files that are decoded for it, with F0 estimated for it too."""
    import numpy as np
    import torch

    from units.audio.pitch import estimate
    from units.audio.reading import load_record
    from units.audio.timing import HOP

    rows = []
    for index in random.integers(len(records), size=size):
        samples, units = load_record(records[index]), records[index]["units"]
        f0_hz = estimate(samples)
        start = random.integers(max(1, len(units) - length - 1))
        units, f0_hz = (np.resize(a[start : start + length], length) for a in (units, f0_hz))
        crop = samples[HOP * start : HOP * (start + length)]
        rows.append((units, np.float32(f0_hz), units * 0, np.resize(crop, HOP * length)))
    return [torch.as_tensor(np.stack(column)) for column in zip(*rows, strict=True)]


def one(options):
    """Print, as JSON, the time and memory of steps of one architecture in one of the WAYS."""
    import numpy as np
    import torch

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        run, records = prepared(options, folder)
        random, length = np.random.default_rng(0), run.schedule.length
        cached, loading = run.feed.take, 0.0

        def batch(epoch, number):
            nonlocal loading
            before = time.process_time()
            if options.way == WAYS[2]:
                crops = straightforward(records, length, run.settings.batch_size, random)
                found = [column.to(run.device) for column in crops], epoch, number
            else:
                found = cached(epoch, number)
            loading += time.process_time() - before
            return found

        run.feed.take = batch
        run._train_batch()
        used, began, loading = time.process_time(), time.perf_counter(), 0.0
        with torch.profiler.profile() if options.profile else tempfile.TemporaryFile() as profile:
            for _ in range(options.steps):
                found = run._train_batch()
            found["generator"].item()  # wait for the GPU
        used, wall = time.process_time() - used, time.perf_counter() - began
    if options.profile:
        table = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=15)
        print(table, file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GiB, of KiB
    figures = {"cpu": used / options.steps, "wall": wall / options.steps, "loading": loading / used}
    print(json.dumps(figures | {"peak": peak, "batch": run.settings.batch_size}))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--batch-size", type=int, help="default: that of su-train-vocoder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--arch", choices=ARCHS, help="the architecture to time; all if not given")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("records")
    options = parser.parse_args()
    if options.way:
        one(options)
        return
    print("| model | way | batch | CPU s per step | wall s per step | steps per CPU s | loading | peak GiB |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for arch in [options.arch] if options.arch else ARCHS:
        for way in WAYS:
            command = [sys.executable, __file__, *sys.argv[1:], "--arch", arch, "--way", way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            f = json.loads(done.stdout)
            row = f"{f['batch']} | {f['cpu']:.2f} | {f['wall']:.2f} | {1 / f['cpu']:.3f} | {f['loading']:.1%}"
            print(f"| {arch} | {way} | {row} | {f['peak']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
