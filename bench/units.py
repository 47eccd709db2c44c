#!/usr/bin/env python3
"""Quality of MFCC units by normalisation, number of units and smoothing.

    bench/units.py [--every 1] [--jobs 1] FOLDER...

FOLDER: wav/*.wav with lab/*.lab (a Festival voice, such as Debian's festvox-ru), or records.jsonl with
alignments.jsonl. Silence is left out. Codebooks are trained on all frames. Prints a Markdown table.
`20 Hz` is --smooth-rate 20; `by speaker` z-scores each speaker's frames before anything else.
"""

import argparse
import contextlib
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np

from units.audio.reading import load_record
from units.audio.timing import FRAME_SHIFT
from units.codebook.kmeans import fit_codebook
from units.codebook.quantize import penalty_for_rate, quantize
from units.codebook.sampling import Reservoir
from units.config import ClusterConfig
from units.encoders.models import load_encoder
from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.labels.matching import phones_of
from units.metrics.abx import abx
from units.metrics.aligned import align
from units.metrics.phones import AlignedCorpus
from units.metrics.triphones import TokenFrames, sample, sample_contexts, triphones
from units.records import InputError

ABX_PAIRS = 300_000  # of tokens; whole contexts are left out above that, the same for every variant
Z, HALF = {}, {"context": 3, "whiten": 0.5}
# (what it is called, K, options of su-cluster, whether each speaker is z-scored first, --smooth-rate or None)
VARIANTS = [
    ("raw", 100, {"normalize": False}, False, None),
    ("z-score", 50, Z, False, None),
    ("z-score", 100, Z, False, None),
    ("z-score", 200, Z, False, None),
    ("z-score, 20 Hz", 100, Z, False, 20),
    ("z-score, 15 Hz", 100, Z, False, 15),
    ("z-score by speaker", 100, Z, True, None),
    ("whiten 0.5", 100, {"whiten": 0.5}, False, None),
    ("whiten 1", 100, {"whiten": 1.0}, False, None),
    ("context 3, whiten 0.5", 50, HALF, False, None),
    ("context 3, whiten 0.5", 100, HALF, False, None),
    ("context 3, whiten 0.5", 200, HALF, False, None),
    ("context 3, whiten 0.5, 20 Hz", 100, HALF, False, 20),
    ("context 3, whiten 0.5, 15 Hz", 100, HALF, False, 15),
    ("context 3, whiten 0.5, by speaker", 100, HALF, True, None),
    ("context 5, whiten 0.5", 100, {"context": 5, "whiten": 0.5}, False, None),
    ("context 5, whiten 1", 100, {"context": 5, "whiten": 1.0}, False, None),
]
FIGURES = (
    "records",
    "pnmi",
    "phone_purity",
    "cluster_purity",
    "abx_within",
    "abx_across",
    "boundary_f1",
    "boundary_r",
    "bitrate",
    "mean_run",
)


def records_of(folder, every):
    """Return the records of a folder, every Nth one, and their alignments."""
    if os.path.exists(os.path.join(folder, "records.jsonl")):
        records = list(read_records([os.path.join(folder, "records.jsonl")]))
        for record in records:
            record["audio_filepath"] = os.path.join(folder, record["audio_filepath"])
        phones = read_alignment_files([os.path.join(folder, "alignments.jsonl")])
    else:
        paths = sorted(glob.glob(os.path.join(glob.escape(folder), "wav", "*.wav")))
        stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
        records = [{"id": stem, "audio_filepath": path} for stem, path in zip(stems, paths, strict=True)]
        phones = read_alignment_files([os.path.join(folder, "lab", f"{stem}.lab") for stem in stems])
    return records[::every], phones


def read_folder(folder, every):
    """Return [(record, frames)] and {id: phones} of a folder."""
    records, phones = records_of(folder, every)
    encoder = load_encoder("mfcc")
    return [(record, encoder.encode(load_record(record))) for record in records], phones


def by_speaker(corpus):
    """Return the corpus with each speaker's frames z-scored."""
    speakers = [record.get("speaker", "") for record, _ in corpus]
    moments = {}
    for speaker in set(speakers):
        frames = np.concatenate([f for (_, f), s in zip(corpus, speakers, strict=True) if s == speaker])
        moments[speaker] = frames.mean(axis=0), frames.std(axis=0)
    pairs = zip(corpus, speakers, strict=True)
    return [(record, (frames - moments[s][0]) / moments[s][1]) for (record, frames), s in pairs]


def units_of(corpus, k, options, rate_hz):
    config = ClusterConfig(k=k, **options)
    pool = Reservoir(config.max_frames, 0, config.context)
    for _, frames in corpus:
        pool.add(frames)
    book, _ = fit_codebook(pool.frames(), config, 0)
    penalty = 0.0
    if rate_hz:
        penalty = penalty_for_rate([(frames, FRAME_SHIFT) for _, frames in corpus[::20]], book, rate_hz)
    return [quantize(frames, book, penalty).tolist() for _, frames in corpus]


def measure(corpus, phones, units, jobs):
    aligned = []
    for (record, _), row in zip(corpus, units, strict=True):
        with contextlib.suppress(InputError):  # Mboshi has alignments whose phones end before they begin
            aligned.append(align({**record, "units": row}, phones_of(record, phones)))
    figures = AlignedCorpus(aligned).figures(np.ones(len(aligned), np.int64))
    tokens = TokenFrames(sample_contexts(sample(triphones(aligned), 10), ABX_PAIRS))
    for number, record in enumerate(aligned):
        tokens.add(number, record.units, record.frame_shift)
    found = abx(*tokens.tokens(), jobs=jobs)
    return {
        **figures,
        "records": len(aligned),
        **{f"abx_{kind}": figure["mean"] for kind, figure in found.items()},
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="Take every Nth recording.")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    options = parser.parse_args()
    for folder in options.folders:
        corpus, phones = read_folder(folder, options.every)
        seconds = FRAME_SHIFT * sum(len(frames) for _, frames in corpus)
        speakers = len({record.get("speaker", "") for record, _ in corpus})
        name = os.path.basename(os.path.abspath(folder))
        print(f"\n{name}: {len(corpus)} recordings, {seconds / 60:.0f} min, speakers: {speakers}\n")
        print(f"| | K | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
        per_speaker = by_speaker(corpus)
        for title, k, settings, alone, rate_hz in VARIANTS:
            if alone and speakers == 1:
                continue
            chosen = per_speaker if alone else corpus
            figures = measure(chosen, phones, units_of(chosen, k, settings, rate_hz), options.jobs)
            cells = [f"{figures[name]:.4g}" if name in figures else "" for name in FIGURES]
            print(f"| {title} | {k} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
