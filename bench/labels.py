#!/usr/bin/env python3
"""Time and memory of su-labels export on a corpus of 84 hours, and of our writers against praatio and pympi.

    bench/labels.py [--hours 84]

The corpus is 260 recordings in segments of 16.8 s, random units with runs of 2.5 frames on average. Prints
Markdown tables: processor time, peak memory and output size for each format, and the seconds to write one
recording of 24,000 labels for each writer. The status is 1 if ours is slower.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, ROOT)

import numpy as np
import pympi
from praatio import textgrid

from units.labels.elan import write_eaf
from units.labels.export import FILES, STREAMS
from units.labels.textgrid import write_textgrid

FRAMES, SEGMENTS = 840, 69  # of a segment of 16.8 s; of a recording


def write_corpus(path, hours):
    random = np.random.default_rng(0)
    with open(path, "w", encoding="utf-8") as file:
        for i in range(round(hours * 3600 / 16.8)):
            begins = random.random(FRAMES) < 0.4
            begins[0] = True
            units = random.integers(0, 100, FRAMES)[np.maximum.accumulate(np.arange(FRAMES) * begins)]
            name, place = f"recording{i // SEGMENTS}", 16.8 * (i % SEGMENTS)
            record = {"id": f"{name}-{i}", "audio_filepath": name + ".mp3", "offset": round(place, 3)}
            file.write(json.dumps({**record, "duration": 16.8, "units": units.tolist()}) + "\n")


def run(kind, corpus, output):
    """Return processor seconds, MB of memory and MB of output."""
    option = "-o" if kind in STREAMS else "--folder"
    words = [f"{ROOT}/bin/su-labels", "export", "-t", kind, option, output, corpus]
    with subprocess.Popen(words) as job:
        _, status, used = os.wait4(job.pid, 0)
        job.returncode = os.waitstatus_to_exitcode(status)
    assert job.returncode == 0
    files = [entry.path for entry in os.scandir(output)] if os.path.isdir(output) else [output]
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, sum(map(os.path.getsize, files)) / 1e6


def by_praatio(spans, path):
    grid = textgrid.Textgrid()
    grid.addTier(textgrid.IntervalTier("units", spans, 0, spans[-1][1]))
    grid.save(path + ".TextGrid", "long_textgrid", includeBlankSpaces=True)


def by_pympi(spans, path):
    eaf = pympi.Eaf()
    eaf.add_tier("units")
    for start, end, label in spans:
        eaf.add_annotation("units", round(1000 * start), round(1000 * end), label)
    eaf.to_file(path + ".eaf")


WRITERS = {
    "TextGrid": (lambda spans, _: write_textgrid(io.BytesIO(), [("units", spans)], 0.0), by_praatio),
    "ELAN": (lambda spans, _: write_eaf(io.BytesIO(), [("units", spans)]), by_pympi),
}


def timed(function, *arguments):
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=84)
    options = parser.parse_args()
    slower = 0
    with tempfile.TemporaryDirectory() as folder:
        corpus = os.path.join(folder, "units.jsonl")
        write_corpus(corpus, options.hours)
        print(f"{options.hours:g} hours\n\n| | CPU s | memory, MB | written, MB |\n|---|---|---|---|")
        for kind in (*FILES, *STREAMS):
            print("| {} | {:.0f} | {:.0f} | {:.0f} |".format(kind, *run(kind, corpus, f"{folder}/{kind}")))
        spans = [(round(0.05 * i, 2), round(0.05 * i + 0.05, 2), str(i % 100)) for i in range(24_000)]
        print("\n| 24,000 labels, CPU s | su-labels | praatio, pympi |\n|---|---|---|")
        for name, (ours, theirs) in WRITERS.items():
            seconds = [timed(writer, spans, os.path.join(folder, "x")) for writer in (ours, theirs)]
            slower += seconds[0] > seconds[1]
            print(f"| {name} | {seconds[0]:.2f} | {seconds[1]:.2f} |")
    return min(slower, 1)


if __name__ == "__main__":
    sys.exit(main())
