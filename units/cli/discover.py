"""su-discover: what is said again in a corpus."""

import click

from units.cli.clips import check_clips, clips_options
from units.cli.options import PATH, jobs_option, records_argument
from units.cli.tool import tool
from units.config import DiscoverConfig
from units.records import InputError, optional, require

DEFAULT = DiscoverConfig()


@tool("su-discover")
@records_argument("units")
@click.option(
    "-c",
    "--codebook",
    type=PATH,
    metavar="FILE",
    help="The codebook of the units: then units are alike, not only equal.",
)
@click.option(
    "--min-duration",
    type=click.FloatRange(0, 60),
    default=DEFAULT.min_duration,
    help="Shortest that a term may be, in seconds.",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 1e6, min_open=True),
    default=DEFAULT.false_alarms,
    help="Alignments in all of the corpus that may be due to chance; more finds more, and less alike.",
)
@click.option(
    "--near",
    type=click.FloatRange(0, 1, min_open=True),
    default=DEFAULT.near,
    help="Units nearer than this, of the usual distance of two, are alike.",
)
@click.option(
    "--min-count", type=click.IntRange(min=2), default=DEFAULT.min_count, help="Fewest times a term is said."
)
@click.option("--keep-pauses", is_flag=True, help="Take for speech what recordings begin and end with, too.")
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Write the N best only.  [default: all]")
@clips_options("examples of each term")
@jobs_option
def main(job, units, codebook, top, clips, jobs, output, **settings):
    """Find the terms, of any length, that are said again in a corpus, and write each with all its places."""
    import os
    import sys

    from units.cli.clips import cut_examples
    from units.codebook.codebook import load_codebook
    from units.codebook.same import SameCodebook
    from units.files.streams import write_record
    from units.patterns.discovery.find import describe, discover

    check_clips(clips, output)
    book = load_codebook(codebook) if codebook else None
    same = SameCodebook(book.hash, ", but {} is given") if book else SameCodebook()
    recordings = []
    for record in job.records(units):
        with job.item(record):
            recording = _recording(record, book, clips)
            same.check(record)
            recordings.append(recording)
    if book is None:
        same.report()
    size = _size(recordings) if book is None else len(book.centroids)
    centroids = None if book is None else book.centroids
    config = DiscoverConfig(**settings)
    for rank, term in enumerate(discover(recordings, size, centroids, config, jobs, job.log)[:top], start=1):
        record = {"term": rank, **describe(term, recordings)}
        if clips:
            record["clips"] = cut_examples(term, recordings, clips, os.path.join(output, f"{rank:04d}"))
        write_record(record, sys.stdout.buffer)


def _recording(record, book, needs_audio):
    """Return the Recording of a record; raise InputError where it does not fit the codebook."""
    import numpy as np

    from units.codebook.quantize import run_lengths
    from units.labels.spans import run_edges
    from units.patterns.discovery.text import MOST_UNITS, Recording
    from units.records import frame_units

    if needs_audio:
        require(record, "audio_filepath")
    values, counts = run_lengths(frame_units(record))
    size = len(book.centroids) if book else MOST_UNITS
    if max(values, default=0) >= size:
        raise InputError(f"unit {max(values)}, but there are {size} units at most")
    edges, end = run_edges(record, counts)
    names = [optional(record, name) for name in ("id", "audio_filepath", "speaker")]
    return Recording(np.array(values, np.int64), edges, *names, end, optional(record, "channel"))


def _size(recordings):
    return 1 + max((int(recording.units.max(initial=0)) for recording in recordings), default=0)
