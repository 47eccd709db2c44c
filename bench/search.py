#!/usr/bin/env python3
"""How well and how fast a spoken word is found: units against DTW on the frames that they are made of.

    bench/search.py [--queries 100] [--hours 84] FOLDER

FOLDER: records.jsonl with alignments.jsonl that hold phones and words, such as Mboshi's. Spoken term
detection by example, scored as by Hazen, Shen and White 2009: a query is a token of a word of 0.35 to 1.5 s
with five phones or more; all other recordings are ranked by the best place in them; those that contain the
word are right. Average precision and precision at 5 are means over queries whose word occurs in another
recording of the speaker, or of others, with the bootstrap 95 % interval. `units` searches for the query's
units, `frames` for its frames, as su-search does for spoken queries.

DTW: steps (1, 0), (0, 1), (1, 1), cosine distance, free ends, the cost divided by the number of query frames.

Then the size of an index of --hours of the same recordings, each copy with other noise, the time of one query
in CPU seconds of one core, and how many of the 20 best places of the exhaustive search the fast one finds. The
queries come from every tenth recording, which is left out. The status is 1 if the median query takes 300 ms or
more.
"""

import argparse
import collections
import itertools
import os
import sys
import tempfile
import time
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np

from units.audio.reading import load_record
from units.audio.timing import FRAME_SHIFT
from units.codebook.kmeans import fit_codebook
from units.codebook.quantize import quantize
from units.codebook.runs import run_lengths
from units.config import ClusterConfig
from units.encoders.models import load_encoder
from units.files.streams import read_records
from units.metrics.bootstrap import interval
from units.metrics.dtw import unit_length
from units.patterns.corpus import of_runs
from units.patterns.search.find import Finder
from units.patterns.search.index import make_index, save_index
from units.patterns.search.sounds import SoundsBuilder

SHORTEST, LONGEST, PHONES = 0.35, 1.5, 5
MOST_MS = 300
NOISE = 0.1  # of runs, by chance; and of vectors, relative to their length


def read_folder(folder):
    """Return (records, their frames, their words with phones, [(start, end, label, number of phones)])."""
    alignments = {record["id"]: record for record in read_records([os.path.join(folder, "alignments.jsonl")])}
    records = list(read_records([os.path.join(folder, "records.jsonl")]))
    encoder = load_encoder("small")
    for record in records:
        record["audio_filepath"] = os.path.join(folder, record["audio_filepath"])
        record["encoder"] = encoder.name
    words = [words_of(alignments[record["id"]]) for record in records]
    return records, [encoder.encode(load_record(record)) for record in records], words


def words_of(alignment):
    phones = [(s, e) for s, e, label in alignment["phones"] if label != "SIL"]
    return [
        (start, end, word, sum(start - 0.005 <= s and e <= end + 0.005 for s, e in phones))
        for start, end, word in alignment["words"]
        if word != "SIL"
    ]


def queries_of(words, number):
    """Return [(recording, first frame, last, the recordings that hold the word)], spread over all of them."""
    holders = collections.defaultdict(set)
    for i, row in enumerate(words):
        for _, _, word, _ in row:
            holders[word].add(i)
    found = [
        (i, round(start / FRAME_SHIFT), round(end / FRAME_SHIFT), holders[word] - {i})
        for i, row in enumerate(words)
        for start, end, word, phones in row
        if SHORTEST <= end - start <= LONGEST and phones >= PHONES and holders[word] - {i}
    ]
    return [found[i] for i in np.linspace(0, len(found) - 1, min(number, len(found))).round().astype(int)]


def dtw(query, frames):
    """Return the cost of the best place of each recording, lanes of one array, a cell at a time."""
    local = np.full((len(query), max(map(len, frames)), len(frames)), np.inf)
    for lane, f in enumerate(frames):
        local[:, : len(f), lane] = 1 - query @ f.T
    above = local[0]
    for row in local[1:]:
        here = row + above
        for place in range(1, len(row)):
            best = np.minimum(np.minimum(above[place], above[place - 1]), here[place - 1])
            here[place] = row[place] + best
        above = here
    return above.min(axis=0) / len(query)


def search(finder, query, recordings):
    """Return 1 less the score of the best place of each recording."""
    costs = np.ones(recordings)
    for hit in finder.find(query, exhaustive=True):
        costs[hit.recording] = min(costs[hit.recording], 1 - hit.score)
    return costs


def precisions(costs, wanted, among):
    """Return (average precision, precision at 5) of a ranking of recordings; None if there are no right ones."""
    ranked = [i for i in np.argsort(costs, kind="stable") if i in among]
    right = np.array([i in wanted for i in ranked])
    if not right.any():
        return None
    ranks = np.flatnonzero(right) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).mean()), float(right[:5].mean())


def table_row(name, queries, speakers, rank):
    """Print a row of figures for rank, a function of a query that returns the cost of each recording."""
    figures, seconds = {"same": [], "other": []}, time.process_time()
    for query in queries:
        costs, speaker = rank(query), speakers[query[0]]
        for kind, found in figures.items():
            among = {
                i for i, s in enumerate(speakers) if (s == speaker) == (kind == "same") and i != query[0]
            }
            found.append(precisions(costs, query[3], among))
    seconds = (time.process_time() - seconds) / len(queries)
    cells = []
    for found in figures.values():
        for column in zip(*[f for f in found if f], strict=True):
            cells.append("{mean:.3f} ({low:.3f}-{high:.3f})".format(**interval(column)))
    print(f"| {name} | {' | '.join(cells)} | {1000 * seconds:.0f} |", flush=True)


def quality(records, frames, words, number, sizes):
    """Print the table; return the codebook of the first size."""
    queries = queries_of(words, number)
    speakers = [record.get("speaker", "") for record in records]
    kinds = " | ".join(f"{f}, {k} speaker" for k in ("same", "other") for f in ("MAP", "P@5"))
    print(f"{len(queries)} queries, {len(records)} recordings\n\n| | {kinds} | ms |\n|---|{'---|' * 5}")
    books = [fit_codebook(np.concatenate(frames), ClusterConfig(k=k, nredo=3), 0)[0] for k in sizes]
    normal = [unit_length(books[0].normalize(f)) for f in frames]
    table_row("DTW on frames", queries, speakers, lambda q: dtw(normal[q[0]][q[1] : q[2]], normal))
    for k, book in zip(sizes, books, strict=True):
        units = [quantize(f, book) for f in frames]
        finder = Finder(
            make_index([of_runs({"id": str(i)}, *run_lengths(u)) for i, u in enumerate(units)], book)
        )

        def rank(q, u=units, f=finder):
            return search(f, run_lengths(u[q[0]][q[1] : q[2]])[0], len(records))

        table_row(f"K={k}, units", queries, speakers, rank)
    sounds = sounds_of(frames)
    finder = Finder(make_index([of_runs({"id": str(i)}, [], []) for i in range(len(frames))], sounds=sounds))
    vectors = [sounds.space.project(f) for f in frames]
    table_row("frames", queries, speakers, lambda q: search(finder, vectors[q[0]][q[1] : q[2]], len(records)))
    return books[0]


def sounds_of(frames):
    builder = SoundsBuilder()
    for each in frames:
        builder.add(each)
    return builder.finish()


def grown(frames, book, hours):
    """Return an Index of a number of hours: copies of the recordings, each with noise of its own."""
    random, once, recordings = np.random.default_rng(0), sounds_of(frames), []
    runs = [run_lengths(quantize(f, book)) for f in frames]
    copies = -(-round(hours * 3600 / FRAME_SHIFT) // len(once.common))
    parts = {"frames": [], "text": []}
    for copy in range(copies):
        for units, counts in runs:
            noisy = np.array(units)
            changed = random.random(len(noisy)) < NOISE
            noisy[changed] = random.integers(len(book.centroids), size=changed.sum())
            recordings.append(of_runs({"id": str(len(recordings))}, *run_lengths(np.repeat(noisy, counts))))
        noise = random.normal(0, 127 * NOISE / 6, once.frames.shape)  # of 32 dimensions
        parts["frames"].append(np.clip(once.frames + noise * (copy > 0), -127, 127).astype(np.int8))
        text = once.text.copy()
        changed = (random.random(len(text)) < NOISE * (copy > 0)) & (once.counts > 0)
        text[changed] = random.integers(len(once.space.classes), size=changed.sum())
        parts["text"].append(text)
    edges = [once.edges[1:] + copy * once.edges[-1] for copy in range(copies)]
    sounds = replace(
        once,
        frames=np.concatenate(parts["frames"]),
        common=np.tile(once.common, copies),
        edges=np.concatenate([[0], *edges]),
        text=np.concatenate(parts["text"]),
        counts=np.tile(once.counts, copies),
    )
    return make_index(recordings, book, sounds=sounds)


def overlap(one, other):
    return one.recording == other.recording and one.start < other.end and other.start < one.end


def speed(frames, book, hours, number=20):
    """Print the size, times and recall over a grown index; return the slower median of ms."""
    index = grown([f for i, f in enumerate(frames) if i % 10], book, hours)
    finder, random, medians = Finder(index), np.random.default_rng(1), []
    with tempfile.TemporaryFile() as file:
        save_index(index, file)
        size = file.tell() / 1e9
    print(f"\n{hours:g} hours, {len(index.text)} runs, K={len(book.centroids)}, {size:.2f} GB\n")
    print("| query of 0.35 to 1 s | ms, median | ms, worst | exhaustive, ms | first found | best 20 found |")
    print("|---|---|---|---|---|---|")
    for way in ("units", "frames"):
        times, whole, first, share = [], [], [], []
        for f in [f for f in frames[::10] if len(f) > 60][:number]:
            length = int(random.integers(18, 50))
            part = slice(begin := int(random.integers(len(f) - length)), begin + length)
            query = index.sounds.space.project(f[part])
            query = query if way == "frames" else run_lengths(quantize(f, book)[part])[0]
            hits, ms = timed(finder, query, False)
            best, all_ms = timed(finder, query, True)
            times.append(ms), whole.append(all_ms)
            first.append(any(overlap(best[0], hit) for hit in hits))
            share.append(np.mean([any(overlap(b, hit) for hit in hits) for b in best]))
        medians.append(float(np.median(times)))
        cells = [f"{x:.0f}" for x in (medians[-1], max(times), np.median(whole))]
        print(f"| {' | '.join([way, *cells, *(f'{np.mean(x):.2f}' for x in (first, share))])} |", flush=True)
    return max(medians)


def timed(finder, query, exhaustive):
    """Return the 20 best hits and the CPU time they took, ms."""
    start = time.process_time()
    hits = list(itertools.islice(finder.find(query, exhaustive), 20))
    return hits, 1000 * (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--hours", type=float, default=84)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 200, 500, 1000], metavar="K")
    parser.add_argument("folder", metavar="FOLDER")
    options = parser.parse_args()
    records, frames, words = read_folder(options.folder)
    book = quality(records, frames, words, options.queries, options.sizes)
    return 0 if speed(frames, book, options.hours) < MOST_MS else 1


if __name__ == "__main__":
    sys.exit(main())
