#!/usr/bin/env python3
"""Measure su-discover: its terms against phones and an exact search, and the growth of time and memory.

    bench/discover.py [--quality] [--recall] [--growth HOURS,HOURS...] UNITS CODEBOOK [ALIGNMENTS...]

UNITS: records of units, with CODEBOOK; ALIGNMENTS: their phones (see su-eval(1)). --quality prints normalised
edit distance and coverage at several numbers of false alarms, and ten terms with their phones. --recall
prints how many alignments an exact search finds in the first 6 minutes, and how many of them the tool finds
too. --growth prints CPU seconds and peak memory: the units are repeated up to the given hours, and one run in
three of the copies is replaced by a neighbour at random. It uses one core.
"""

import argparse
import contextlib
import os
import resource
import sys
import time
from dataclasses import replace
from multiprocessing import get_context

HOUSE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, HOUSE)
sys.path.append(os.path.join(HOUSE, "tests", "reference"))

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.codebook.codebook import load_codebook
from units.codebook.runs import run_lengths
from units.config import DiscoverConfig
from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.labels.matching import phones_of
from units.metrics.names import SILENCE
from units.metrics.term_discovery import PhoneCorpus
from units.patterns.corpus import Recording
from units.patterns.discovery.chance import measure
from units.patterns.discovery.find import discover, prepare, self_alignments
from units.patterns.discovery.scores import substitution
from units.records import InputError, frame_units

FALSE_ALARMS = (1e-6, 1e-3, 0.03, 1.0, 30.0)
CONFIG = DiscoverConfig()


def read(path):
    """Return [Recording] with times from 0."""
    recordings = []
    for record in read_records([path]):
        units, counts = run_lengths(frame_units(record))
        edges = np.concatenate([[0], np.cumsum(counts)]) * FRAME_SHIFT
        recordings.append(Recording(np.array(units), edges, record["id"], record.get("audio_filepath")))
    return recordings


def read_phones(recordings, paths):
    alignments, phones = read_alignment_files(paths), {}
    for recording in recordings:
        with contextlib.suppress(InputError):  # Mboshi has alignments whose phones end before they begin
            record = {"id": recording.id, "audio_filepath": recording.audio_filepath or ""}
            phones[recording.id] = [s for s in phones_of(record, alignments) if s[2] and s[2] not in SILENCE]
    return phones


def quality(recordings, book, phones):
    corpus = PhoneCorpus(phones)
    print("| false alarms | terms | fragments | pairs | NED | coverage | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for number in FALSE_ALARMS:
        begin = time.process_time()
        config = replace(CONFIG, false_alarms=number)
        terms = discover(recordings, len(book.centroids), book.centroids, config)
        seconds = time.process_time() - begin
        places = [fragments(term, recordings) for term in terms]
        f = corpus.figures(places)
        ned = "" if f["ned"] is None else f"{f['ned']:.3f}"
        cells = f["terms"], f["fragments"], f["pairs"], ned, f"{f['coverage']:.3f}", f"{seconds:.1f}"
        print(f"| {number:g} | {' | '.join(map(str, cells))} |", flush=True)
        if number == CONFIG.false_alarms:
            best = list(zip(terms[:10], places[:10], strict=True))
    for term, place in best:
        strings = [" ".join(corpus.labels(*f)) for f in place if f[0] in phones]
        print(f"{term.score:.0f}, {len(strings)} times: {' / '.join(strings[:5])}")


def fragments(term, recordings):
    times = zip(term.where.tolist(), term.starts.tolist(), term.ends.tolist(), strict=True)
    return [(recordings[i].id, start, end) for i, start, end in times]


def recall(recordings, book):
    """Print how many exact alignments share half of both their sides with one that was found."""
    from reference_discovery import alignments

    few = []
    while len(few) < len(recordings) and sum(r.edges[-1] for r in few) < 360:
        few.append(recordings[len(few)])
    scores = substitution(len(book.centroids), book.centroids, CONFIG.near)
    config = replace(CONFIG, false_alarms=1.0)
    corpus = prepare(few, len(book.centroids), config)
    found, _ = self_alignments(corpus, scores, config)
    pairs = len(corpus.units) ** 2 / 2
    least = measure(corpus.units, scores).threshold(config.false_alarms, pairs)
    exact = alignments(corpus, scores, least, config.min_duration)
    hits = sum(any(same(one, other) for other in found.tolist()) for one in exact)
    print(f"{len(exact)} exact alignments of score {least} or more, {hits} found; {len(found)} found in all")


def same(one, other):
    """Whether both sides of two alignments share half of what they cover."""
    return all(
        2 * (min(one[i + 1], other[i + 1]) - max(one[i], other[i]))
        >= max(one[i + 1], other[i + 1]) - min(one[i], other[i])
        for i in (0, 2)
    )


def grown(recordings, hours, book, rng):
    """Return recordings that last a number of hours: the given ones, and copies of them with a third replaced."""
    near = np.square(book.centroids[:, None] - book.centroids).sum(axis=2).argsort(axis=1)[:, 1:9]
    made, seconds = [], 0.0
    while seconds < hours * 3600:
        recording = recordings[len(made) % len(recordings)]
        units = recording.units.copy()
        if len(made) >= len(recordings):
            other = rng.random(len(units)) < 1 / 3
            units[other] = near[units[other], rng.integers(0, near.shape[1], other.sum())]
        made.append(replace(recording, units=units))
        seconds += recording.edges[-1]
    return made


def measured(connection, recordings, book):
    begin, messages = time.process_time(), []
    terms = discover(recordings, len(book.centroids), book.centroids, CONFIG, log=messages.append)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    connection.send((time.process_time() - begin, peak, len(terms), messages))


def growth(recordings, book, hours):
    print("| hours | runs | CPU s | peak GB | terms | |\n|---|---|---|---|---|---|", flush=True)
    for number in hours:
        made = grown(recordings, number, book, np.random.default_rng(0))
        ours, theirs = get_context("fork").Pipe()
        process = get_context("fork").Process(target=measured, args=(theirs, made, book))
        process.start()
        seconds, peak, terms, messages = ours.recv()
        process.join()
        runs = sum(len(recording.units) for recording in made)
        cells = f"{number:g}", runs, f"{seconds:.0f}", f"{peak:.2f}", terms, "; ".join(messages)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--growth", type=lambda text: [float(h) for h in text.split(",")], default=[])
    parser.add_argument("units", metavar="UNITS")
    parser.add_argument("codebook", metavar="CODEBOOK")
    parser.add_argument("alignments", nargs="*", metavar="ALIGNMENTS")
    options = parser.parse_args()
    recordings, book = read(options.units), load_codebook(options.codebook)
    if options.quality:
        quality(recordings, book, read_phones(recordings, options.alignments))
    if options.recall:
        recall(recordings, book)
    if options.growth:
        growth(recordings, book, options.growth)


if __name__ == "__main__":
    main()
