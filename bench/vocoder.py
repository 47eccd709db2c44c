#!/usr/bin/env python3
"""Score how well vocoders speak held-out recordings after a fixed time of training.

    bench/vocoder.py [--hours 0.333] [--variants fast;v2] [--encoder small] [--codebook CODEBOOK] [--work DIR]
                     FOLDER

FOLDER: a Festival voice with wav/*.wav, such as Debian's festvox-ru, or any folder of WAV or FLAC files. The
codebook is one of 100 units of these recordings, or the given one, as su-quantize -c takes it. Each variant
is su-train-vocoder with its options in VARIANTS, for that many hours by the clock. It then speaks its
held-out recordings from units and recorded F0, and from units alone, and `su-eval speech` scores both. The
WORLD copy of the recordings is a ceiling; noise with their spectrum is a floor. Vocoders stay in DIR, and a
run with more hours continues them. Prints a Markdown table of means with 95% intervals. The clock counts, so
leave the machine alone, or give each run its own core: `taskset -c 0 bench/vocoder.py ...`.
"""

import argparse
import glob
import json
import os
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "support"), os.path.join(ROOT, "tests", "tools")]

FIGURES = (
    *("log_mel", "mcd", "f0_rmse_hz", "f0_corr", "vde", "stoi", "estoi", "pesq", "mos", "comb_db", "uer"),
)
NONE = "--adversarial-start 1000000000"  # no discriminators
VARIANTS = {
    "v1": "--arch v1",
    "v2": "--arch v2",
    "v2 for a CPU": f"--arch v2 --width 256 --crop-seconds 1 --batch-size 8 --lr 1e-3 {NONE}",
    "fast": "--arch fast",
    "fast of width 512": "--arch fast --width 512",
    "fast in fp32": "--arch fast --dtype fp32",
    "fast, rate 2e-3": "--arch fast --lr 2e-3",
    "fast, no STFT loss": "--arch fast --stft-weight 0",
    "fast, 4 crops per step": "--arch fast --batch-size 4",
    "fast, discriminators for the last .15": "--arch fast --adversarial-start 0.85",
    "fast, discriminators for the last .4": "--arch fast --adversarial-start 0.6",
    "fast, discriminators for the last .7": "--arch fast --adversarial-start 0.3",
    "fast, discriminators for the last .7 judging a quarter second": "--arch fast --adversarial-start 0.3 "
    "--discriminator-seconds 0.25",
    "fast, discriminators for the last .7, 16 crops of .5 s": "--arch fast --adversarial-start 0.3 "
    "--crop-seconds 0.5 --batch-size 16",
}


def tool(name, *words, **files):
    """Run one of our tools; stop if it fails."""
    subprocess.run([os.path.join(ROOT, "bin", name), *map(str, words)], check=True, **files)


def prepare(folder, encoder, codebook, work):
    """Return the records with units and F0 to train on, and the codebook."""
    units, book = os.path.join(work, "units.jsonl"), codebook or os.path.join(work, "codebook.npz")
    if not os.path.exists(units):
        wavs = glob.glob(os.path.join(glob.escape(folder), "wav", "*.wav")) or glob.glob(
            os.path.join(glob.escape(folder), "*.[wf][al][va]*")
        )
        segments, frames = (os.path.join(work, name) for name in ("segments.jsonl", "frames.jsonl"))
        with open(segments, "wb") as out:
            tool("su-segment", "--", *sorted(wavs), stdout=out)
        with open(frames, "wb") as out:
            tool("su-encode", "-m", encoder, "--arrays", os.path.join(work, "frames"), segments, stdout=out)
        if not codebook:
            tool("su-cluster", "-o", book, frames, stdout=subprocess.DEVNULL)
        plain = os.path.join(work, "plain.jsonl")
        tool("su-quantize", "-c", book, "-o", plain, frames)
        tool("su-pitch", "-o", units, plain)
    return units, book


def train(name, units, options, work):
    """Train a variant, or continue it; return its folder, and its steps and CPU hours in words."""
    folder = os.path.join(work, name.replace(",", "").replace(" ", "-"))
    words = [*VARIANTS[name].split(), "--save-every", "200", "--resume"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    tool("su-train-vocoder", "-o", folder, *words, "--max-hours", options.hours, units)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 3600
    with open(os.path.join(folder, "log.jsonl"), encoding="utf-8") as file:
        steps = json.loads(file.read().splitlines()[-1])["step"]
    return folder, f"{steps} steps, {used:.2f} CPU h"


def judged(said, held_out, book, scores, *options):
    """Return {metric: summary} of spoken records, by su-eval speech."""
    tool("su-eval", "speech", *options, "-c", book, "-o", scores, held_out, said)
    with open(scores, encoding="utf-8") as file:
        return json.loads(file.read().splitlines()[-1])["summary"]


def spoken(folder, held_out, *options):
    said = os.path.join(folder, f"said{len(options)}.jsonl")
    with open(said, "wb") as out:
        tool("su-synth", "-m", folder, "--audio", said.removesuffix(".jsonl"), *options, held_out, stdout=out)
    return said


def copies(held_out, make, place):
    """Return records of copies of the held-out recordings."""
    from units.audio.reading import load_record
    from units.audio.writing import save

    os.makedirs(place, exist_ok=True)
    with open(held_out, encoding="utf-8") as file, open(f"{place}.jsonl", "w", encoding="utf-8") as out:
        for record in map(json.loads, file):
            path = os.path.join(place, f"{record['id']}.wav")
            samples = load_record(record)
            save(path, make(samples.astype("float64"))[: len(samples)])
            record |= {"audio_filepath": path, "offset": 0.0, "duration": len(samples) / 16000}
            out.write(json.dumps(record) + "\n")
    return f"{place}.jsonl"


def row(name, summary):
    """Print a row of the table: the mean and interval of each metric."""
    cells = []
    for figure in FIGURES:
        found = summary.get(figure)
        if not isinstance(found, dict):
            cells.append("")
            continue
        cells.append(f"{found['mean']:.3f} ({found['low']:.3f}-{found['high']:.3f})")
    print("|", " | ".join([name, *cells]), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=1 / 3)
    parser.add_argument(
        "--variants", default="fast;v2", help="separated by semicolons: " + "; ".join(VARIANTS)
    )
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--codebook", default="")
    parser.add_argument("--work", default=None)
    parser.add_argument("folder")
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp()
    os.makedirs(work, exist_ok=True)
    units, book = prepare(options.folder, options.encoder, options.codebook, work)
    print("|", " | ".join([f"{options.hours:g} h", *FIGURES]), "|")
    print("|---" * (1 + len(FIGURES)) + "|", flush=True)
    floors = True
    for name in options.variants.split(";"):
        folder, cost = train(name, units, options, work)
        held_out = os.path.join(folder, "held-out.jsonl")
        if floors:  # all variants hold out the same records
            from test_ordering import random_phase, world

            for title, make in (("WORLD copy", world), ("noise of random phase", random_phase)):
                place = os.path.join(work, title.replace(" ", "-"))
                said = copies(held_out, make, place)
                row(title, judged(said, held_out, book, f"{place}.scores.jsonl"))
            floors = False
        for title, words in (("recorded F0", []), ("units alone", ["--f0", "predict"])):
            said = spoken(folder, held_out, *words)
            row(f"{name} ({cost}): {title}", judged(said, held_out, book, f"{said}.scores"))


if __name__ == "__main__":
    main()
