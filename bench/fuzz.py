#!/usr/bin/env python3
"""Mutations of good records, arrays, models and labels through all their readers, by the million.

    bench/fuzz.py [--cases N] [--seed N] [--plain] [READER...]

If a reader raises anything but InputError, or the process ends, it is reported on stderr with the input, and
the status is 1. Prints a Markdown table of cases and seconds. If atheris is installed,

    pip install --target atheris atheris; PYTHONPATH=atheris bench/fuzz.py

inputs are guided by the code that they reach; otherwise, or with --plain, they depend on the seed alone.
"""

import argparse
import mmap
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "support")]
LONGEST = 1 << 16  # bytes of an input
NAMES = (
    *("records", "arrays", "codebook", "index", "bpe", "weights", "vocoder-config", "encoder-config"),
    *("foreign-config", "textgrid", "eaf", "ctm", "audacity", "lab"),
)


class Watch:
    """Tries inputs; prints each new fault, and stores the current input for the parent process."""

    def __init__(self, read, held):
        self.read, self.held, self.seen, self.cases = read, held, set(), 0

    def __call__(self, data):
        from mutations import fault_of

        data = bytes(data[:LONGEST])
        self.held[: 4 + len(data)] = len(data).to_bytes(4, "little") + data
        self.cases += 1
        if (fault := fault_of(self.read, data)) is not None:
            place = traceback.extract_tb(fault.__traceback__)[-1]
            if (type(fault), place.filename, place.lineno) not in self.seen:
                self.seen.add((type(fault), place.filename, place.lineno))
                print(f"{fault!r} at {place.filename}:{place.lineno}: {data!r}", flush=True)


def by_chance(watch, seeds, cases, seed):
    """Try a number of mutations, which depend on the seed alone."""
    from mutations import mutate

    draw = random.Random(seed)
    for _ in range(cases):
        watch(mutate(draw.choice(seeds), draw, seeds))


def by_coverage(watch, seeds, cases, seed, folder):
    """Try a number of inputs, guided by the code that they reach. Ends the process."""
    import atheris

    for number, data in enumerate(seeds):
        with open(os.path.join(folder, str(number)), "wb") as file:
            file.write(data)
    options = [f"-runs={cases}", f"-seed={seed + 1}", f"-max_len={LONGEST}", "-rss_limit_mb=4096", folder]
    atheris.Setup([sys.argv[0], *options], watch)
    atheris.Fuzz()


def child(name, cases, seed, plain, path):
    """Fuzz one reader in this process."""
    if plain:
        from mutations import READERS
    else:
        import atheris

        with atheris.instrument_imports(include=["units"]):
            from mutations import READERS
    read, make = READERS[name]
    seeds = make()
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), LONGEST + 4) as held:
        watch = Watch(read, held)
        if plain:
            by_chance(watch, seeds, cases, seed)
            print(f"Done {watch.cases} runs", file=sys.stderr)
        else:
            with tempfile.TemporaryDirectory() as folder:
                by_coverage(watch, seeds, cases, seed, folder)


def fuzz(name, options, plain):
    """Fuzz one reader in a process of its own; return (cases, s, faults)."""
    with tempfile.NamedTemporaryFile() as held, tempfile.TemporaryDirectory() as folder:
        held.truncate(LONGEST + 4)
        command = [sys.executable, os.path.realpath(__file__), "--cases", str(options.cases), "--seed"]
        command += [str(options.seed), *["--plain"] * plain, "--child", held.name, name]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, cwd=folder, check=False)
        took = time.monotonic() - began
        faults = done.stdout.decode(errors="replace").splitlines()
        said = done.stderr.decode(errors="replace")
        if done.returncode:
            size = int.from_bytes(held.read(4), "little")
            faults.append(f"ended with {done.returncode} at {held.read(size)!r}: {said[-2000:]}")
    ran = re.findall(r"Done (\d+) runs|#(\d+)\s", said)
    return int(max(ran[-1])) if ran else 0, took, faults


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000, help="of each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("readers", nargs="*", default=NAMES, metavar="READER")
    options = parser.parse_args()
    try:
        import atheris  # noqa: F401

        plain = options.plain
    except ImportError:
        plain = True
    if options.child:
        child(options.readers[0], options.cases, options.seed, plain, options.child)
        return 0
    print(f"by {'chance' if plain else 'coverage'}, seed {options.seed}\n\n| reader | cases | s | faults |")
    print("|---|---|---|---|")
    found = 0
    for name in options.readers:
        cases, took, faults = fuzz(name, options, plain)
        print(f"| {name} | {cases} | {took:.0f} | {len(faults)} |", flush=True)
        for fault in faults:
            print(f"{name}: {fault}", file=sys.stderr, flush=True)
        found += len(faults)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
