#!/usr/bin/env python3
"""Measure whether the motifs of su-bpe sound alike, for vocabularies, kinds of model and units.

    bench/motifs.py [--vocab-sizes 500,1000,2000,4000,8000] [--min-count 2] [--show 10] FOLDER UNITS...

FOLDER: lab/*.lab (a Festival voice, such as Debian's festvox-ru) or alignments.jsonl. UNITS: records of
su-quantize of that corpus, smoothed in different ways. The phones of an occurrence are those that it covers
by half or 30 ms, without silence. Two occurrences differ by the edit distance of their phones, relative to
the longer: 0 if they sound alike, NED below (Zero Resource Speech Challenge 2017). A motif's NED is the mean
over pairs of its occurrences, at most PAIRS of them; that of the best 10 or 100 motifs is the mean over
motifs. `other` is the mean over pairs of two different motifs of the 100, which is the level of chance. Two
Markdown tables are printed for each ranking: all variants, and the best motifs of the variant whose 100
motifs differ least.
"""

import argparse
import functools
import glob
import itertools
import os
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.codebook.runs import runs_of
from units.config import BpeConfig
from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.labels.matching import phones_of
from units.metrics.names import SILENCE
from units.metrics.phone_error import edit_distance
from units.patterns.bpe import Model, to_text, train
from units.patterns.corpus import Recording
from units.patterns.motifs import find_motifs
from units.records import InputError

PAIRS = 300
HEAD = "| units | model | pieces | motifs | NED of 10 | of 100 | other | seconds | phones | count |"


def read_phones(folder):
    """Return {id: phones} of a folder."""
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), "lab", "*.lab")))
    return read_alignment_files(paths or [os.path.join(folder, "alignments.jsonl")])


def read_units(path, alignments):
    """Return [(record, units, edges in s of its recording)] and the phones of each on that time line."""
    rows, phones = [], []
    for record in read_records([path]):
        try:
            found = phones_of(record, alignments)
        except InputError:  # Mboshi has alignments whose phones end before they begin
            continue
        units, counts = runs_of(record)
        rows.append((record, units, FRAME_SHIFT * np.append(0, np.cumsum(counts))))
        phones.append([span for span in found if span[2] and span[2] not in SILENCE])
    return rows, phones


def under(phones, start, end):
    """Return the phones of a stretch: those that it covers by half, or by 30 ms."""
    least = 1e-6
    return tuple(
        label
        for first, last, label in phones
        if min(last, end) - max(first, start) >= min(0.03, (last - first) / 2) - least
    )


@functools.lru_cache(1 << 20)
def distance(one, other):
    return edit_distance(one, other) / max(len(one), len(other), 1) if one != other else 0.0


def mean_distance(pairs):
    found = [distance(*sorted(pair)) for pair in pairs]
    return float(np.mean(found)) if found else np.nan


def pairs_of(strings, rng):
    pairs = list(itertools.combinations(strings, 2)) if len(strings) < 100 else None
    if pairs and len(pairs) <= PAIRS:
        return pairs
    drawn = rng.integers(0, len(strings), (2 * PAIRS, 2))
    return [(strings[a], strings[b]) for a, b in drawn.tolist() if a != b][:PAIRS]


def heard(motif, phones):
    """Return the phones under each occurrence."""
    places = zip(motif.where.tolist(), motif.starts.tolist(), motif.ends.tolist(), strict=True)
    return [under(phones[index], start, end) for index, start, end in places]


def variant(rows, phones, config, min_count, ranking):
    """Return (figures, motifs, strings of phones of each, NED of each) of one model's best 100."""
    rng = np.random.default_rng(0)
    model = Model(train([to_text(units) for _, units, _ in rows], config))
    segments = [
        Recording(units, edges, r["id"], None, r.get("speaker"), edges[-1]) for r, units, edges in rows
    ]
    pieces = [model.encode(each.units) for each in segments]
    motifs = find_motifs(segments, pieces, model, min_count, ranking)
    best = motifs[:100]
    strings = [heard(motif, phones) for motif in best]
    ned = [mean_distance(pairs_of(each, rng)) for each in strings]
    drawn = [rng.choice(len(best), 2, replace=False) for _ in range(2000)] if len(best) > 1 else []
    other = [tuple(strings[i][rng.integers(len(strings[i]))] for i in pair) for pair in drawn]
    figures = (
        len(motifs),
        np.mean(ned[:10]),
        np.mean(ned),
        mean_distance(other),
        np.mean([(m.ends - m.starts).mean() for m in best]),
        np.mean([np.mean([len(s) for s in each]) for each in strings]),
        np.mean([len(each) for each in strings]),
    )
    return figures, best, strings, ned


def show(best, strings, ned, number):
    """Print the best motifs: count, duration, similarity, and their strings of phones."""
    print("\n| rank | count | seconds | NED | phones |\n|---|---|---|---|---|")
    for rank, (motif, each, own) in enumerate(zip(best, strings, ned, strict=True), start=1):
        if rank > number:
            break
        commonest = [f"{' '.join(s) or '-'} ({n})" for s, n in Counter(each).most_common(4)]
        rest = len(each) - sum(n for _, n in Counter(each).most_common(4))
        seconds = (motif.ends - motif.starts).mean()
        more = f", {rest} more" if rest else ""
        print(f"| {rank} | {len(each)} | {seconds:.2f} | {own:.2f} | {', '.join(commonest)}{more} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vocab-sizes", default="500,1000,2000,4000,8000")
    parser.add_argument("--rankings", default="llr,count")
    parser.add_argument("--min-count", type=int, default=2, help="As that of su-bpe motifs.")
    parser.add_argument("--show", type=int, default=10, help="Motifs of the best variant to show.")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("units", nargs="+", metavar="UNITS")
    options = parser.parse_args()
    alignments = read_phones(options.folder)
    corpora = {os.path.basename(path): read_units(path, alignments) for path in options.units}
    sizes = map(int, options.vocab_sizes.split(","))
    grid = list(itertools.product(corpora, ("bpe", "unigram"), sizes))
    for ranking in options.rankings.split(","):
        print(f"\nRanked by {ranking}\n\n{HEAD}\n|{'---|' * 10}")
        found = []
        for name, kind, size in grid:
            try:
                row = variant(
                    *corpora[name], BpeConfig(vocab_size=size, model_type=kind), options.min_count, ranking
                )
            except InputError as error:
                print(f"| {name} | {kind} | {size} | {error} |")
                continue
            figures, *parts = row
            cells = "{} | {:.3f} | {:.3f} | {:.3f} | {:.2f} | {:.1f} | {:.0f}".format(*figures)
            print(f"| {name} | {kind} | {size} | {cells} |", flush=True)
            found.append((figures[2], (name, kind, size), parts))
        _, title, parts = min(found, key=lambda each: each[0])
        print(f"\nThe best of {' '.join(map(str, title))}:")
        show(*parts, options.show)


if __name__ == "__main__":
    main()
