#!/usr/bin/env python3
"""Score units with DiscoPhon's own evaluator, next to su-eval's figures.

    bench/discophon.py --python PYTHON UNITS ALIGNMENTS...

PYTHON: a CPython 3.12 or newer with DiscoPhon (`pip install discophon`), which cannot be installed next to
these tools under older versions. UNITS: records of su-quantize. ALIGNMENTS: as su-eval units takes them.
DiscoPhon (Poli et al. 2026, arXiv 2603.18612) assigns to each unit its most frequent phone and compares the
result with the phones: PNMI, phone error rate (PER), F1 and R value of boundaries, silence counted as a phone.
su-eval leaves silence out. Prints both.
"""

import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np

from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.labels.frames import phone_at
from units.labels.matching import phones_of
from units.metrics.aligned import align
from units.metrics.phones import AlignedCorpus
from units.records import InputError, frame_units

STEP = 0.01  # s between phones, as DiscoPhon wants them
REFEREE = """
import json, sys
from discophon.evaluate import phoneme_discovery
given = json.load(sys.stdin)
print(json.dumps(phoneme_discovery(given["units"], given["phones"], kind="many-to-one",
                                   n_units=given["n_units"], n_phonemes=given["n_phonemes"])))
"""


def read(units, alignments):
    """Return ({id: units}, {id: phones, two per unit}, [Aligned]) of the records that have phones."""
    known, found, phones, aligned = read_alignment_files(alignments), {}, {}, []
    for record in read_records([units]):
        try:
            spans = phones_of(record, known)
        except InputError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        name, row = record["id"], frame_units(record)
        index = phone_at(spans, (np.arange(2 * len(row)) + 0.5) * STEP)
        found[name] = row
        phones[name] = [spans[i][2] or "SIL" if i >= 0 else "SIL" for i in index]
        aligned.append(align(record, spans))
    return found, phones, aligned


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="a Python that has discophon")
    parser.add_argument("units")
    parser.add_argument("alignments", nargs="+")
    options = parser.parse_args()
    units, phones, aligned = read(options.units, options.alignments)
    labels = {label for row in phones.values() for label in row} - {"SIL"}
    k = 1 + max(max(row) for row in units.values())
    given = {"units": units, "phones": phones, "n_units": k, "n_phonemes": len(labels)}
    done = subprocess.run(
        [options.python, "-c", REFEREE],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit("bench/discophon.py: the evaluator failed; --python must name a Python that has discophon")
    figures = json.loads(done.stdout)
    own = AlignedCorpus(aligned).figures(np.ones(len(aligned), np.int64))
    print(f"{len(units)} records, {k} units, {len(labels)} phones")
    print("discophon  " + "  ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    names = ("pnmi", "boundary_f1", "boundary_r")
    print("su-eval    " + "  ".join(f"{name} {own[name]:.3f}" for name in names))


if __name__ == "__main__":
    main()
