"""su-bpe motifs: the pieces that recur, as records, as clips and as a page."""

import contextlib
import os
import sys

import click

from units.cli.clips import check_clips, clips_options
from units.cli.options import PATH, records_argument
from units.cli.runs import keep_runs_option, model_option, runs
from units.cli.tool import tool
from units.config import MotifConfig
from units.records import optional, require

DEFAULT = MotifConfig()


@tool("motifs")
@records_argument("units")
@model_option
@keep_runs_option
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Write the N best only.  [default: all]")
@click.option(
    "--by",
    "ranking",
    type=click.Choice(["llr", "count"]),
    default="llr",
    help="Best is what occurs more often than its pairs of units predict (likelihood ratio), or most often.",
)
@click.option(
    "--min-count",
    type=click.IntRange(min=1),
    default=DEFAULT.min_count,
    help="Fewest times a motif occurs.",
)
@clips_options("examples of each motif")
@click.option(
    "--html",
    type=PATH,
    metavar="FILE",
    help="Write a page to listen and to tag, of the 50 best or of --top: one file that needs no network.",
)
@click.option(
    "--examples",
    type=click.IntRange(1, 9),
    default=DEFAULT.examples,
    metavar="N",
    help="Voices of a motif in the page, of different speakers and recordings first.",
)
def motifs(job, units, model, keep_runs, top, ranking, min_count, clips, output, html, examples):
    """Write the pieces of two or more units that recur, best first, with all their occurrences."""
    from units.cli.clips import cut_examples
    from units.codebook.same import SameCodebook
    from units.files.streams import write_record
    from units.patterns.bpe import load
    from units.patterns.motifs import describe, find

    check_clips(clips, output)
    if html == "-":
        raise click.UsageError("the page cannot go to standard output, where the records go")
    model = load(model)
    with _page(html, units, model, top or DEFAULT.page, examples) as page:
        segments, same = [], SameCodebook()
        for record in job.records(units):
            with job.item(record):
                segment = _segment(record, model, keep_runs, needs_audio=clips or html)
                same.check(record)
                segments.append(segment)
        same.report()
        for rank, motif in enumerate(find(segments, model, min_count, ranking)[:top], start=1):
            record = describe(motif, segments)
            if clips:
                record["clips"] = cut_examples(
                    motif, segments, clips, os.path.join(output, f"{rank:04d}-{motif.piece}")
                )
            page(record, motif, segments)
            write_record(record, sys.stdout.buffer)


@contextlib.contextmanager
def _page(html, names, model, most, examples):
    """Give the function that takes each motif for the page, which is written when the block ends."""
    if html is None:
        yield lambda record, motif, segments: None
        return
    from units.files.output import create
    from units.report.motifs import load_voice, motif_row, motifs_page

    rows = []

    def add(record, motif, segments):
        if len(rows) < most:
            voices = [load_voice(*place) for place in _examples(motif, segments, examples)]
            rows.append(motif_row(len(rows) + 1, record, voices))

    with create(html) as file:
        yield add
        file.write(motifs_page(f"Motifs of {_corpus(names)}", model.hash, rows).encode())


def _corpus(names):
    """Return what a title calls the files that were read."""
    if len(names) > 1:
        return f"{len(names)} files"
    return "standard input" if names in ((), ("-",)) else os.path.basename(names[0])


def _examples(motif, segments, number):
    """Return (segment, start, end) in s of the occurrences to listen to."""
    from units.patterns.motifs import choose

    chosen = choose(motif, segments, number)
    return [(segments[motif.where[i]], float(motif.starts[i]), float(motif.ends[i])) for i in chosen]


def _segment(record, model, keep_runs, needs_audio):
    import numpy as np

    from units.labels.spans import run_edges
    from units.patterns.motifs import Segment

    if needs_audio:
        require(record, "audio_filepath")
    values, counts = runs(record, keep_runs)
    edges, end = run_edges(record, counts)
    names = [optional(record, name) for name in ("id", "audio_filepath", "speaker")]
    values, channel = np.asarray(values, np.int32), optional(record, "channel")
    return Segment(*names, values, edges, model.encode(values), end, channel)
