#!/usr/bin/env python3
"""What OpenMP's threads should do at a barrier: spin for a while, or sleep at once, on a machine quiet or busy.

    bench/threads.py [--spins 0 1000 default] [--loops 0 1 2] [--rounds 5] [--work fast v2 small cluster] [--records FILE]

Runs work of the tools in processes of their own with GOMP_SPINCOUNT set to each count, or not set
("default"), next to busy loops that take one processor each. Models have random weights, as speed does
not depend on them. FILE, units with their audio as su-quantize writes them, adds a training step of the
vocoder `fast`.

Prints, for each kind of work, the milliseconds it takes: the median of the rounds, each the mean over a
second, and in parentheses the quickest of all calls. The settings take turns, so that what else the machine
does falls on all alike. How many processors others took meanwhile is printed above the table. On a machine
that others use as well, `chrt -f 1 bench/threads.py --loops 0` measures as if it were quiet.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, ROOT)

WORK = ("fast", "v2", "small", "cluster", "step")
TOLD = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SECONDS = 5  # of audio
ENOUGH_S = 1.0  # of each kind of work: longer than a turn of the scheduler
BUSY_LOOP = "while True: pass"


def spoken_by(arch):
    """Return a function that speaks some seconds."""
    from units.audio.timing import HOP, RATE
    from units.vocoder import model
    from units.vocoder.config import shape_defaults

    config = shape_defaults(arch)
    vocoder = model.Vocoder(config, *model.build(config))
    count = SECONDS * RATE // HOP
    units, f0_hz = [i % 100 for i in range(count)], [100.0 + i % 50 for i in range(count)]
    return lambda: list(vocoder.speak(units, f0_hz))


def encoded_by(name):
    """Return a function that encodes some seconds."""
    import numpy as np

    from units.audio.timing import RATE
    from units.encoders import models

    encoder = models.load_encoder(name)
    samples = np.random.default_rng(0).standard_normal(SECONDS * RATE).astype(np.float32) / 10
    return lambda: encoder.encode(samples)


def clustered():
    """Return a function that finds 20 clusters of frames."""
    import numpy as np

    from units.codebook.kmeans import fit_codebook
    from units.config import ClusterConfig

    frames = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
    return lambda: fit_codebook(frames.copy(), ClusterConfig(k=20))


def step_of(records, folder):
    """Return a function that trains the vocoder `fast` for a step, discriminators and all."""
    import dataclasses

    from units.devices import choose, choose_dtype
    from units.files.streams import read_records
    from units.training.vocoder import dataset
    from units.training.vocoder.config import training_defaults
    from units.training.vocoder.training import VocoderRun
    from units.vocoder.config import shape_defaults

    rows = list(read_records([records]))
    count = 1 + max(max(record["units"]) for record in rows)
    config = dataclasses.replace(shape_defaults("fast"), units=count)
    settings = dataclasses.replace(training_defaults("fast"), adversarial_start=0.0, batch_size=2)
    corpus = dataset.build_corpus(rows, (), os.path.join(folder, "cache"))
    device = choose("cpu")
    run = VocoderRun(folder, config, settings, corpus, corpus, device, choose_dtype("auto", device))
    return run._train_batch


def one(options):
    """Print, as JSON, the mean and the least milliseconds of each kind of work in this process."""
    took = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.work:
            if name == "step":
                work = step_of(options.records, folder)
            elif name == "cluster":
                work = clustered()
            else:
                work = encoded_by(name) if name == "small" else spoken_by(name)
            work()
            calls = []
            while sum(calls) < ENOUGH_S:
                began = time.perf_counter()
                work()
                calls.append(time.perf_counter() - began)
            took[name] = 1000 * statistics.fmean(calls), 1000 * min(calls)
    print(json.dumps(took))


def measured(spin, loops, options):
    """Return {work: (mean, least milliseconds)} and how many processors others took."""
    environment = {name: value for name, value in os.environ.items() if name not in TOLD}
    if spin != "default":
        environment["GOMP_SPINCOUNT"] = spin
    words = [sys.executable, os.path.realpath(__file__), "--one", "--work", *options.work]
    command = words + (["--records", options.records] if options.records else [])
    before, began = taken_by_others(), time.monotonic()
    busy = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(loops)]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return json.loads(done.stdout), (taken_by_others() - before) / (time.monotonic() - began)


def taken_by_others():
    """Return the processor seconds that this machine's processes have taken, but for those we started."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spins", nargs="+", default=["0", "100", "1000", "10000", "100000", "default"])
    parser.add_argument("--loops", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", nargs="+", choices=WORK)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--records", help="units with their audio, as su-quantize writes them")
    options = parser.parse_args()
    options.work = options.work or [name for name in WORK if name != "step" or options.records]
    if options.one:
        one(options)
        return
    took = {(spin, loops): [] for loops in options.loops for spin in options.spins}
    taken = {loops: [] for loops in options.loops}
    for _ in range(options.rounds):
        for (spin, loops), kept in took.items():
            figures, others = measured(spin, loops, options)
            kept.append(figures)
            taken[loops].append(others)
            print(spin, loops, f"{others:.2f}", json.dumps(figures), file=sys.stderr, flush=True)
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    others = ", ".join(f"{statistics.median(taken[loops]):.1f} next to {loops}" for loops in options.loops)
    print(f"{(names or ['?'])[0]}, {os.cpu_count()} processors, {datetime.now(timezone.utc):%Y-%m-%d};")
    print(f"processors taken by others: {others} busy loops\n")
    print("| busy loops | spin count |", " | ".join(options.work), "|")
    print("|---|---" + "|---" * len(options.work) + "|")
    for (spin, loops), figures in took.items():
        row = []
        for name in options.work:
            means, least = zip(*(each[name] for each in figures), strict=True)
            row.append(f"{statistics.median(means):.0f} ({min(least):.0f})")
        print(f"| {loops} | {spin} |", " | ".join(row), "|")


if __name__ == "__main__":
    main()
