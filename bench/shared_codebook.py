#!/usr/bin/env python3
"""What the shared codebooks of `small` cost, next to codebooks of the corpus's own frames.

    bench/shared_codebook.py [--every 1] [--label-shift 0] [--jobs 1] FOLDER...

FOLDER: as in bench/units.py. The frames are those of `su-encode -m small`; own codebooks are those of
su-cluster -k 100 and -k 256, shared ones those of su-quantize -c small and -c small-256. Silence is left out.
Prints a Markdown table. `bench/vocoder.py --codebook small` measures what a shared codebook costs in speech.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from adaptation import bench

from units.audio.reading import load_record
from units.codebook.codebook import SHARED, load_codebook
from units.codebook.quantize import quantize
from units.encoders.models import load_encoder

FIGURES = ("pnmi", "abx_within", "abx_across", "boundary_f1", "bitrate")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="Take every Nth recording.")
    parser.add_argument("--label-shift", type=float, default=0.0, help="s, as su-eval units has it")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    measuring, encoder = bench("units"), load_encoder("small")
    print("|", " | ".join(["recordings", "codebook", *FIGURES]), "|")
    print("|---" * (2 + len(FIGURES)) + "|", flush=True)
    for folder in options.folders:
        records, phones = measuring.records_of(folder, options.every)
        for name, spans in phones.items():
            phones[name] = [
                [a + options.label_shift, b + options.label_shift, phone] for a, b, phone in spans
            ]
        corpus = [(record, encoder.encode(load_record(record))) for record in records]
        for name in SHARED:
            book = load_codebook(name)
            k = len(book.centroids)
            shared = [quantize(frames, book).tolist() for _, frames in corpus]
            for title, units in ((f"own, K={k}", measuring.units_of(corpus, k, {}, None)), (name, shared)):
                found = measuring.measure(corpus, phones, units, options.jobs)
                cells = [f"{found[key]:.3f}" if key in found else "" for key in FIGURES]
                print(
                    "|",
                    " | ".join([os.path.basename(os.path.abspath(folder)), title, *cells]),
                    "|",
                    flush=True,
                )


if __name__ == "__main__":
    main()
