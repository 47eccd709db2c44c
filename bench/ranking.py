#!/usr/bin/env python3
"""Which order puts words first among the motifs of su-bpe and the terms of su-discover?

    bench/ranking.py [--vocab-sizes 500,1000,2000,4000] [--codebook CODEBOOK] [--order ORDER]... FOLDER UNITS

FOLDER: a Festival voice with lab/*.lab and etc/txt.done.data in Russian (Debian's festvox-ru), or a folder
with alignments.jsonl whose records have `phones` and `words`. UNITS: records of su-quantize of that corpus.
A motif is good if more than half of its occurrences say the same: the same words (each at least half
covered), or the same phones, three or more, up to an edit distance of TOLERANCE of the longer string. Words
of a Festival voice get their times from an alignment of letters with phones. For the first 20 and the first
50 of each order, the table shows the share of good ones and their median count; `frequent` is the share
of the first 20 that are good and occur at least five times. --codebook: rank the terms of su-discover too.
"""

import argparse
import functools
import glob
import itertools
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass

HOUSE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [HOUSE, os.path.join(HOUSE, "bench")]

import numpy as np
from words import voice_words

from units.codebook.codebook import load_codebook
from units.config import BpeConfig, DiscoverConfig
from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.metrics.names import SILENCE
from units.metrics.phone_error import edit_distance
from units.metrics.term_discovery import phones_within
from units.patterns.bpe import Model, to_text, train
from units.patterns.corpus import read_recording
from units.patterns.discovery.find import discover
from units.patterns.motifs import find_motifs
from units.records import InputError

TOLERANCE = 0.25
FREQUENT = 5


def read_truth(folder):
    """Return {recording: (phones, words)}, each [[start, end, label], ...] without silence."""
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), "lab", "*.lab")))
    if not paths:
        rows = read_records([os.path.join(folder, "alignments.jsonl")])
        return {row["id"]: (spoken(row["phones"]), spoken(row["words"])) for row in rows}
    with open(os.path.join(folder, "etc", "txt.done.data"), encoding="utf-8") as file:
        texts = dict(re.findall(r'\(\s*(\S+)\s+"(.*)"\s*\)', file.read()))
    phones = {name: spoken(spans) for name, spans in read_alignment_files(paths).items()}
    return {name: (spans, voice_words(texts.get(name, ""), spans)) for name, spans in phones.items()}


def spoken(spans):
    return [span for span in spans if span[2] and span[2] not in SILENCE and span[1] > span[0]]


def read_corpus(path, truth):
    """Return the Recordings whose phones are known, and the (phones, words) of each."""
    recordings = [read_recording(record) for record in read_records([path])]
    names = [
        r.id if r.id in truth else os.path.splitext(os.path.basename(r.audio_filepath))[0] for r in recordings
    ]
    pairs = [(r, truth[name]) for r, name in zip(recordings, names, strict=True) if name in truth]
    return [r for r, _ in pairs], [found for _, found in pairs]


def words_within(words, start, end):
    """Return the words at least half of whose time is from start to end."""
    return tuple(w for a, b, w in words if 2 * (min(b, end) - max(a, start)) >= (b - a) - 1e-6)


@functools.lru_cache(1 << 20)
def distance(one, other):
    return edit_distance(one, other) / max(len(one), len(other), 1)


@dataclass(frozen=True)
class Judged:
    """A motif or term with the phones and words most of its occurrences share, and the share of these."""

    motif: object
    phones: float
    words: float
    label: str

    @property
    def good(self):
        return max(self.phones, self.words) > 0.5


def judge(motif, truth):
    """Return the Judged of a motif or term."""
    phones, words = [], []
    for i, start, end in zip(motif.where.tolist(), motif.starts.tolist(), motif.ends.tolist(), strict=True):
        spans, spoken_words = truth[i]
        phones.append(tuple(spans[j][2] for j in phones_within(spans, start, end)))
        words.append(words_within(spoken_words, start, end))
    number = len(phones)
    strings = Counter(phones)
    same = {
        one: sum(n for other, n in strings.items() if distance(one, other) <= TOLERANCE)
        for one, _ in strings.most_common(30)
        if len(one) >= 3
    }
    best = max(same, key=same.get, default=())
    word, hits = max(Counter(filter(None, words)).items(), key=lambda item: item[1], default=((), 0))
    label = f"{' '.join(word) or '-'} ({hits}), {' '.join(best) or '-'} ({same.get(best, 0)})"
    return Judged(motif, same.get(best, 0) / number, hits / number, label)


def count(m):
    return len(m.where)


def seconds(m):
    return float((m.ends - m.starts).mean())


def steadiness(m):
    """Return 1 if all occurrences last the same, less if not."""
    return 1 / (1 + 4 * float((m.ends - m.starts).std()) / max(seconds(m), 1e-9))


def orders(kind):
    """Return {name: function(motif) that is highest for the best}."""
    total = (lambda m: m.score) if kind == "terms" else (lambda m: m.llr)
    name, per = ("score", "score/(count-1)") if kind == "terms" else ("llr", "llr/count")
    each = (lambda m: total(m) / (count(m) - 1)) if kind == "terms" else (lambda m: total(m) / count(m))
    found = {
        name: total,
        "count": count,
        per: each,
        f"{per} log2(count)": lambda m: each(m) * np.log2(count(m)),
        f"{name}/sqrt(count)": lambda m: total(m) / count(m) ** 0.5,
        f"{name} seconds": lambda m: total(m) * seconds(m),
        "count seconds": lambda m: count(m) * seconds(m),
        "(count-1)(units-1)": lambda m: (count(m) - 1) * (len(m.units) - 1),
        f"{name} steady": lambda m: total(m) * steadiness(m),
        f"{per} steady": lambda m: each(m) * steadiness(m),
    }
    for key_name, key in {name: total, per: each, f"{per} steady": found[f"{per} steady"]}.items():
        for least, shortest in itertools.product((2, 3, 4, 5, 8), (0, 0.2, 0.3, 0.4)):
            if (least, shortest) != (2, 0):
                found[f"{key_name}, {least}+ times, {shortest}+ s"] = functools.partial(
                    _filtered, key=key, least=least, shortest=shortest
                )
    return found


def _filtered(m, key, least, shortest):
    return (count(m) >= least and seconds(m) >= shortest, key(m))


def figures(judged, key):
    """Return (20: good, frequent, median count, seconds, 50: good, median count) of an order."""
    best = sorted(judged, key=lambda each: (key(each.motif), count(each.motif)), reverse=True)
    twenty, fifty = best[:20], best[:50]
    return (
        np.mean([each.good for each in twenty]),
        np.mean([each.good and count(each.motif) >= FREQUENT for each in twenty]),
        np.median([count(each.motif) for each in twenty]),
        np.mean([seconds(each.motif) for each in twenty]),
        np.mean([each.good for each in fifty]),
        np.median([count(each.motif) for each in fifty]),
    )


def report(title, tables, kind, names):
    """Print a table of the orders, each the mean over tables: lists of Judged."""
    print(f"\n{title}\n\n| order | 20: good | frequent | count | s | 50: good | count |\n|{'---|' * 7}")
    for name, key in orders(kind).items():
        if not names or name in names:
            row = np.mean([figures(judged, key) for judged in tables], axis=0)
            print(
                "| {} | {:.0%} | {:.0%} | {:.1f} | {:.2f} | {:.0%} | {:.1f} |".format(name, *row), flush=True
            )


def show(judged, key):
    """Print the first 20 of an order: how often and how long, and the commonest words and phones."""
    for each in sorted(judged, key=lambda each: (key(each.motif), count(each.motif)), reverse=True)[:20]:
        mark = "good" if each.good else "-"
        print(f"    {count(each.motif)} x {seconds(each.motif):.2f} s, {mark}: {each.label}")


def judged_motifs(recordings, truth, config):
    """Return the Judged motifs of a model trained on the recordings, None if its vocabulary is too large."""
    try:
        model = Model(train([to_text(r.units) for r in recordings], config))
    except InputError:
        return None
    pieces = [model.encode(r.units) for r in recordings]
    return [judge(motif, truth) for motif in find_motifs(recordings, pieces, model)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="bpe,unigram", help="Empty: no motifs.")
    parser.add_argument("--vocab-sizes", default="500,1000,2000,4000")
    parser.add_argument("--codebook", help="Codebook of the units: rank the terms of su-discover too.")
    parser.add_argument(
        "--order", action="append", default=[], help="Only this order, and show its first 20."
    )
    parser.add_argument(
        "--from", type=int, default=0, dest="first", help="Leave out the records before this one."
    )
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("units", metavar="UNITS")
    options = parser.parse_args()
    recordings, truth = read_corpus(options.units, read_truth(options.folder))
    recordings, truth = recordings[options.first :], truth[options.first :]
    tables = {}
    for kind in filter(None, options.models.split(",")):
        for size in map(int, options.vocab_sizes.split(",")):
            judged = judged_motifs(recordings, truth, BpeConfig(vocab_size=size, model_type=kind))
            if judged is not None:
                tables[f"{kind} {size}"] = judged
    if tables:
        report(f"Motifs, mean of {', '.join(tables)}", tables.values(), "motifs", options.order)
    if options.codebook:
        book = load_codebook(options.codebook)
        terms = discover(recordings, len(book.centroids), book.centroids, DiscoverConfig())
        tables["su-discover"] = [judge(term, truth) for term in terms]
        report("Terms of su-discover", [tables["su-discover"]], "terms", options.order)
    for name, judged in tables.items():
        kind = "terms" if name == "su-discover" else "motifs"
        for order in set(options.order) & set(orders(kind)):
            print(
                f"\n{name}, {order}: "
                + "{:.0%} good, {:.0%} frequent".format(*figures(judged, orders(kind)[order]))
            )
            show(judged, orders(kind)[order])


if __name__ == "__main__":
    main()
