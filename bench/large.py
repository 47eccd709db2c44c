#!/usr/bin/env python3
"""Time and memory of the pipe over corpora of growing length, up to that of a complete Bible.

    bench/large.py [--work DIR] [--skip TOOL] [HOURS...=1 5]

Makes recordings of ten minutes, phrases of artificial speech with pauses and noise between them, and runs
each tool over all of them in a separate process. Prints a Markdown table: CPU seconds per hour of audio,
which is the same in each column if a tool's time grows linearly, and peak memory. 84 hours need 15 GB of disk
and, without su-pitch, a quarter of an hour; su-pitch takes half a minute per hour of audio and core, and no
other tool needs it.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "support")]

MINUTES = 10  # of a recording
STAGES = [
    ("su-segment", "{audio}", "segments.jsonl"),
    ("su-pitch", "-j 1 segments.jsonl", "pitch.jsonl"),
    ("su-encode", "-m mfcc --arrays frames segments.jsonl", "frames.jsonl"),
    ("su-cluster", "-k 100 -o codebook.npz frames.jsonl", "cluster.log"),
    ("su-quantize", "-c codebook.npz frames.jsonl", "units.jsonl"),
    ("su-quantize", "--smooth-rate 15 -c codebook.npz frames.jsonl", "smooth.jsonl"),
    ("su-bpe", "train --vocab-size 1000 -o bpe.model units.jsonl", "bpe.log"),
    ("su-bpe", "encode -m bpe.model units.jsonl", "pieces.jsonl"),
    ("su-bpe", "motifs -m bpe.model --top 100 units.jsonl", "motifs.jsonl"),
    ("su-search", "build -c codebook.npz -o corpus.index units.jsonl", "search.log"),
    ("su-search", "find -i corpus.index {pattern}", "hits.jsonl"),
    ("su-labels", "export -t json units.jsonl", "labels.jsonl"),
]


def make(folder, hours):
    """Write recordings that last a number of hours together.

    In a process of its own: the peak memory of a tool counts what the process that started it had.
    """
    import numpy as np
    import soundfile
    from speechlike import RATE, recording

    random = np.random.default_rng(0)
    phrases = [recording([0.0, 1.0 + 4 * random.random(), 0.0], seed=i) for i in range(60)]
    for number in range(round(hours * 60 / MINUTES)):
        parts, length = [], 0
        while length < MINUTES * 60 * RATE:
            phrase = phrases[random.integers(len(phrases))] * np.float32(random.uniform(0.3, 1))
            pause = np.zeros(round(random.uniform(0.3, 1.2) * RATE), np.float32)
            parts += [phrase, pause]
            length += len(phrase) + len(pause)
        samples = np.concatenate(parts)[: MINUTES * 60 * RATE].astype(np.float32)
        samples += 1e-4 * random.standard_normal(len(samples), np.float32)
        soundfile.write(os.path.join(folder, f"{number:04d}.wav"), samples, RATE)


def run(tool, words, output, folder):
    """Run a tool; return its CPU seconds and its peak memory in MB."""
    with open(os.path.join(folder, output), "wb") as out:
        process = subprocess.Popen([os.path.join(ROOT, "bin", tool), *words], stdout=out, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{tool} {' '.join(words[:4])} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measure(stages, hours, work):
    """Return [(CPU s, MB)] of the stages over a number of hours."""
    folder = os.path.join(work, f"{hours:g}")
    place = os.path.join(folder, "audio")
    os.makedirs(place)
    maker = multiprocessing.get_context("spawn").Process(target=make, args=(place, hours))
    maker.start()
    maker.join()
    audio = [os.path.join(place, name) for name in sorted(os.listdir(place))]
    found = []
    for tool, command, output in stages:
        words = []
        for word in command.split():
            words += audio if word == "{audio}" else ["31 42 * 17"] if word == "{pattern}" else [word]
        found.append(run(tool, words, output, folder))
        print(f"{hours:g} h {tool} {command[:20]}: {found[-1][0]:.1f} s", file=sys.stderr)
    shutil.rmtree(folder)
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", default=None)
    parser.add_argument("--skip", help="a tool to leave out")
    parser.add_argument("hours", nargs="*", type=float, default=[1.0, 5.0])
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp()
    stages = [stage for stage in STAGES if stage[0] != options.skip]
    columns = [measure(stages, hours, work) for hours in options.hours]
    heads = [f"{hours:g} h: CPU s/h | MB" for hours in options.hours]
    print("|", " | ".join(["", *heads]), "|")
    print("|---" * (1 + 2 * len(columns)) + "|")
    for i, (tool, command, _) in enumerate(stages):
        name = " ".join([tool, *command.replace("{audio}", "").split()[:3]])
        cells = [f"{c[i][0] / h:.2f} | {c[i][1]:.0f}" for c, h in zip(columns, options.hours, strict=True)]
        print("|", " | ".join([name, *cells]), "|")


if __name__ == "__main__":
    main()
