"""su-discover: what is said again in a corpus."""

import click

from units.cli import PATH, jobs_option, output_option, records_argument, tool
from units.config import DiscoverConfig
from units.records import InputError, require

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
@click.option(
    "--clips",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cut the N best examples of each term as WAV, with 75 ms around, into the folder of -o.",
)
@jobs_option
@output_option("The folder of the clips.", metavar="DIR")
def main(job, units, codebook, top, clips, jobs, output, **settings):
    """Find the terms, of any length, that are said again in a corpus, and write each with all its places."""
    import os
    import sys

    from units.cli.clips import cut_examples
    from units.codebook import load_codebook
    from units.discovery.find import describe, discover
    from units.streams import write_record

    if bool(clips) != bool(output):
        raise click.UsageError("--clips and -o go together")
    book = load_codebook(codebook) if codebook else None
    recordings = []
    for record in job.records(units):
        with job.item(record):
            recordings.append(_recording(record, book, clips))
    size = _size(recordings) if book is None else len(book.centroids)
    centroids = None if book is None else book.centroids
    config = DiscoverConfig(**settings)
    for rank, term in enumerate(discover(recordings, size, centroids, config, jobs, job.log)[:top], start=1):
        record = describe(term, recordings)
        if clips:
            record["clips"] = cut_examples(term, recordings, clips, os.path.join(output, f"{rank:04d}"))
        write_record(record, sys.stdout.buffer)


def _recording(record, book, needs_audio):
    """Return the Recording of a record; raise InputError where it does not fit the codebook."""
    import numpy as np

    from units.audio import FRAME_SHIFT
    from units.discovery.text import MOST_UNITS, Recording
    from units.quantize import run_lengths
    from units.records import frame_units

    if needs_audio:
        require(record, "audio_filepath")
    values, counts = run_lengths(frame_units(record))
    known = {name: require(record, name) for name in _READ if name in record}
    if book and known.get("codebook", book.hash) != book.hash:
        raise InputError(f"units of codebook {known['codebook']}, but {book.hash} is given")
    size = len(book.centroids) if book else MOST_UNITS
    if max(values, default=0) >= size:
        raise InputError(f"unit {max(values)}, but there are {size} units at most")
    offset, shift = known.get("offset", 0.0), known.get("frame_shift", FRAME_SHIFT)
    edges = offset + shift * np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    end = max(float(edges[-1]), offset + known.get("duration", 0.0))
    names = (known.get(name) for name in ("id", "audio_filepath", "speaker"))
    return Recording(np.array(values, np.int64), edges, *names, end)


_READ = ("id", "audio_filepath", "speaker", "offset", "duration", "frame_shift", "codebook")


def _size(recordings):
    return 1 + max((int(recording.units.max(initial=0)) for recording in recordings), default=0)
