#!/usr/bin/env python3
"""Show how each figure of `su-eval speech` rates copies that differ in one known way, on real recordings.

    bench/ordering.py FILE...         recordings; the table in su-eval(1) used the first twenty of festvox-ru

Prints a Markdown table of means. The copies are those of tests/tools/test_ordering.py, kept as float, so they
lack the error that 16 bits would add in near silence.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "tools"), os.path.join(ROOT, "tests", "support")]

import numpy as np
from test_ordering import ORDER, clicking, random_phase, world

from units.audio.reading import load_audio
from units.metrics.speech import compare

COPIES = {
    "copy": lambda x: x,
    "6 dB quieter": lambda x: x / 2,
    "10 ms late": lambda x: np.concatenate([np.zeros(160), x[:-160]]),
    "WORLD copy": world,
    "random-phase noise": random_phase,
    "faint clicks": clicking,
}


def measure(path):
    """Return {copy: figures} of one recording."""
    original = load_audio(path).astype(np.float64)
    heard = original.astype(np.float32)
    return {name: compare(heard, make(original).astype(np.float32)) for name, make in COPIES.items()}


def main():
    done = [measure(path) for path in sys.argv[1:]]
    print("|", " | ".join(["figure", *COPIES]), "|")
    print("|---" * (1 + len(COPIES)) + "|")
    for figure in ORDER:
        means = (np.mean([d[name][figure] for d in done if figure in d[name]]) for name in COPIES)
        print("|", " | ".join([figure, *(f"{mean:.3f}" for mean in means)]), "|")


if __name__ == "__main__":
    main()
