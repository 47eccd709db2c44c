#!/usr/bin/env python3
"""Are the patterns that the tools find words? Terms, motifs and search, by the recipe of the README.

    bench/patterns.py [--queries 60] [--label-shift 0] [--every 1] [--show 0] [--work DIR] FOLDER...

FOLDER: records.jsonl with alignments.jsonl that hold phones and words, such as Mboshi's, or a Festival voice
with lab/*.lab and etc/txt.done.data in Russian (Debian's festvox-ru). Each corpus is measured as it is and as
a field worker may have it: chapters of MP3 with pauses, breaths and the noise of a room (patterns_corpus.py).

A term or motif is good if more than half of its places say the same word or words, each at least half
covered. NED: the mean edit distance of the phones of two of its places, relative to the longer string;
coverage: the share of all words' time in places of good ones. Queries are words of 0.35 to 1.5 s with four
letters or more that occur at least twice; `span` is their place in the recording, `cut` is a WAV file of them.
The places found are right if they overlap the same word by half of it. `own`: the query's own place comes first;
MAP, hit 1, hit 10: mean average precision, and the share of queries with a right place first or among the
first ten, its own left out, in recordings of the same speaker and of others. `calibration`: of the places with
a score, the share that are right. Prints Markdown tables.
"""

import argparse
import collections
import itertools
import json
import os
import subprocess
import sys
import tempfile

HOUSE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [HOUSE, os.path.join(HOUSE, "bench")]

import numpy as np
from patterns_corpus import RATE, field_like, read_corpus
from ranking import distance, words_within

from units.audio.reading import load_audio
from units.audio.writing import save
from units.metrics.term_discovery import phones_within

SHORTEST, LONGEST, LETTERS = 0.35, 1.5, 4
FIRST = (20, 50, 200)
BINS = 5


def tool(name, *words, out=subprocess.DEVNULL):
    """Run one of our tools; stop if it fails."""
    command = [os.path.join(HOUSE, "bin", name), *map(str, words)]
    subprocess.run(command, check=True, stdout=out, stderr=subprocess.DEVNULL)


def records(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [json.loads(line) for line in file]


def recipe(said, work):
    """Run the README's recipe over recordings; return the paths of terms, motifs and index."""
    made = {name: os.path.join(work, name) for name in ("segments", "frames", "units", "terms", "motifs")}
    book, index, model = (os.path.join(work, name) for name in ("codebook.npz", "corpus.index", "bpe.model"))
    minutes = sum(len(load_audio(each.path)) for each in said) / RATE / 60
    tool("su-segment", "-o", made["segments"], "--", *[each.path for each in said])
    tool("su-encode", "-m", "small", "-o", made["frames"], made["segments"])
    tool("su-cluster", "-k", 100, "-o", book, made["frames"])
    tool("su-quantize", "--smooth-rate", 15, "-c", book, "-o", made["units"], made["frames"])
    tool("su-discover", "-c", book, "-o", made["terms"], made["units"])
    size = ("--vocab-size", round(20 * minutes), "--model-type", "unigram")
    tool("su-bpe", "train", *size, "-o", model, made["units"])
    tool("su-bpe", "motifs", "-m", model, "-o", made["motifs"], made["units"])
    tool("su-search", "build", "-o", index, made["frames"])
    return made["terms"], made["motifs"], index


def judge(pattern, said):
    """Return (words, share of the places that say them, places, mean NED) of a term or motif."""
    places = [(p["audio_filepath"], p["start"], p["end"]) for p in pattern["occurrences"]]
    words = collections.Counter(words_within(said[path].words, a, b) for path, a, b in places)
    words.pop((), None)
    phones = [
        tuple(said[path].phones[i][2] for i in phones_within(said[path].phones, a, b))
        for path, a, b in places[:50]
    ]
    word, count = words.most_common(1)[0] if words else ((), 0)
    apart = [distance(one, other) for one, other in itertools.combinations(phones, 2)]
    return word, count / len(places), places, float(np.mean(apart))


def covered(places, said):
    """Return the share of all words' time that is inside places."""
    seen, spoken = 0, 0
    for path, each in said.items():
        time = np.zeros(1 + round(100 * max((b for _, b, _ in each.words), default=0)), bool)
        inside = np.zeros_like(time)
        for a, b, _ in each.words:
            time[max(0, round(100 * a)) : round(100 * b)] = True
        for _, a, b in [place for place in places if place[0] == path]:
            inside[round(100 * a) : round(100 * b)] = True
        seen, spoken = seen + (time & inside).sum(), spoken + time.sum()
    return seen / spoken


def patterns_row(name, title, path, said, show):
    """Print the row of terms or motifs, and the first ones with what they say."""
    judged = [judge(pattern, said) for pattern in records(path)[: max(FIRST)]]
    good = [each[1] > 0.5 for each in judged]
    cells = [f"{sum(good[:n])} of {min(n, len(good))}" for n in FIRST]
    places = [place for each, right in zip(judged, good, strict=True) if right for place in each[2]]
    cells += [f"{np.mean([each[3] for each in judged]):.2f}", f"{covered(places, said):.1%}"]
    print(f"| {name} | {title} | {' | '.join(cells)} |", flush=True)
    for word, share, found, apart in judged[:show]:
        print(f"    {len(found)} x, {share:.0%}, NED {apart:.2f}: {' '.join(word) or '-'}")


def queries_of(said, number):
    """Return [(Said, start, end, word)], spread over all words that occur twice."""
    count = collections.Counter(word for each in said for _, _, word in each.words)
    found = [
        (each, a, b, word)
        for each in said
        for a, b, word in each.words
        if SHORTEST <= b - a <= LONGEST and len(word) >= LETTERS and count[word] > 1 and a >= 0
    ]
    return [found[i] for i in np.linspace(0, len(found) - 1, min(number, len(found))).round().astype(int)]


def hits_of(queries, kind, index, work):
    """Return the hits of each query, best first: records of su-search."""
    paths = []
    for i, (each, a, b, _) in enumerate(queries):
        path = os.path.join(work, f"{i:04}.wav")
        save(path, load_audio(each.path)[round(a * RATE) : round(b * RATE)])
        paths.append(path)
    spans = os.path.join(work, "spans.jsonl")
    with open(spans, "w", encoding="utf-8") as file:
        for i, (each, a, b, _) in enumerate(queries):
            record = {"id": f"{i:04}", "audio_filepath": each.path, "offset": a, "duration": b - a}
            file.write(json.dumps(record) + "\n")
    with open(os.path.join(work, "hits"), "wb") as out:
        words = [spans] if kind == "span" else ["--", *paths]
        tool(
            "su-search", "find", "-i", index, "--top", 200, "--min-score", 0, "--keep-going", *words, out=out
        )
    hits = {f"{i:04}": [] for i in range(len(queries))}
    for hit in records(os.path.join(work, "hits")):
        hits[os.path.splitext(os.path.basename(hit["query"]))[0]].append(hit)
    return list(hits.values())


def says(hit, word, said):
    """Return the place of a word that a hit covers by half, (path, start), or None."""
    for a, b, other in said[hit["audio_filepath"]].words:
        if other == word and min(b, hit["end"]) - max(a, hit["start"]) >= (b - a) / 2:
            return hit["audio_filepath"], a
    return None


def search_row(name, kind, queries, hits, said):
    """Print the figures of a kind of query; return (score, right) of the first hits."""
    own, scored, figures = [], [], {"same": [], "other": []}
    for (each, a, b, word), found in zip(queries, hits, strict=True):
        place = (each.path, a)
        first = found[0] if found else None
        own.append(
            first is not None
            and first["audio_filepath"] == each.path
            and min(b, first["end"]) - max(a, first["start"]) >= (b - a) / 2
        )
        others = [(h, says(h, word, said)) for h in found]
        others = [
            (h, at)
            for h, at in others
            if not (h["audio_filepath"] == each.path and h["start"] < b and h["end"] > a)
        ]
        scored += [(h["score"], at is not None) for h, at in others[:20]]
        for side, rows in figures.items():
            among = {p for p, s in said.items() if (s.speaker == each.speaker) == (side == "same")}
            wanted = {(p, x) for p in among for x, _, w in said[p].words if w == word} - {place}
            if wanted:
                ranked = [at for h, at in others if h["audio_filepath"] in among]
                rows.append(_precision(ranked, wanted))
    cells = [f"{np.mean(own):.2f}"]
    for rows in figures.values():
        cells += [f"{x:.2f}" for x in np.mean(rows, axis=0)] if rows else ["", "", ""]
    print(f"| {name} | {kind} | {' | '.join(cells)} |", flush=True)
    return scored


def _precision(ranked, wanted):
    """Return (average precision, whether the first is right, whether one of the first ten is)."""
    seen, precisions = set(), []
    for rank, at in enumerate(ranked, start=1):
        if at in wanted - seen:
            seen.add(at)
            precisions.append(len(seen) / rank)
    right = [at in wanted for at in ranked]
    return sum(precisions) / len(wanted), any(right[:1]), any(right[:10])


def calibration(title, scored):
    """Print the share of right places in fifths of the hits, by score."""
    scored = sorted(scored)
    parts = [part for part in np.array_split(np.array(scored, float), BINS) if len(part)]
    cells = [f"{part[0, 0]:.3g} to {part[-1, 0]:.3g}: {part[:, 1].mean():.2f}" for part in parts]
    print(f"{title}, score and share that is right: {'; '.join(cells)}")


def measure(name, said, work, options):
    """Print the rows of one corpus."""
    os.makedirs(work, exist_ok=True)
    terms, motifs, index = recipe(said, work)
    known = {each.path: each for each in said}
    for title, path in (("terms", terms), ("motifs", motifs)):
        patterns_row(name, title, path, known, options.show)
    queries, scored = queries_of(said, options.queries), {}
    print(f"\n| {len(queries)} queries | | own | same: MAP | hit 1 | hit 10 | other: MAP | hit 1 | hit 10 |")
    print(f"|{'---|' * 9}")
    for kind in ("span", "cut"):
        scored[kind] = search_row(name, kind, queries, hits_of(queries, kind, index, work), known)
    print()
    for kind, pairs in scored.items():
        calibration(f"{name}, {kind}", pairs)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--label-shift", type=float, default=0.0, help="s, as su-eval units has it")
    parser.add_argument("--every", type=int, default=1, help="take every Nth recording")
    parser.add_argument("--show", type=int, default=0, help="show the first N terms and motifs")
    parser.add_argument("--only", choices=["clean", "field"], help="measure only this kind of corpus")
    parser.add_argument("--work", default=None)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp()
    for folder in options.folders:
        name = os.path.basename(os.path.abspath(folder))
        clean = read_corpus(folder, options.label_shift, options.every)
        corpora = {
            "clean": lambda c=clean: c,
            "field": lambda c=clean, n=name: field_like(c, f"{work}/{n} audio"),
        }
        for kind, make in corpora.items():
            if options.only in (None, kind):
                first = " | ".join(f"good of first {n}" for n in FIRST)
                print(f"\n| corpus | | {first} | NED | coverage |\n|{'---|' * (4 + len(FIRST))}", flush=True)
                measure(f"{name}, {kind}", make(), f"{work}/{name} {kind}", options)


if __name__ == "__main__":
    main()
