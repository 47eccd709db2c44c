"""su-discover: terms, which are stretches of speech that recur in a corpus."""

from units.cli import patterns
from units.cli.options import (
    codebook_option,
    jobs_option,
    output_option,
    records_argument,
    settings,
    top_option,
)
from units.cli.tool import tool
from units.config import DiscoverConfig


@tool("su-discover")
@records_argument("units")
@codebook_option("Codebook of the units. With it, similar units match; without it, only identical ones.")
@settings(DiscoverConfig)
@top_option("terms")
@patterns.clips_option
@patterns.page_option
@patterns.examples_option
@jobs_option
@output_option("Records of the terms")
def main(job, units, codebook, config, top, clips, html, examples, jobs, output):
    """Find terms of any length that recur in a corpus, and write each with all its occurrences."""
    from units.codebook.codebook import load_codebook
    from units.codebook.same import SameCodebook, check_units
    from units.files.output import create
    from units.patterns.discovery.find import describe_term, discover
    from units.patterns.discovery.text import MOST_UNITS

    book = load_codebook(codebook) if codebook else None
    same = SameCodebook(book.hash, "-c") if book else SameCodebook()
    patterns.check_examples(("--clips", clips), ("--html", html))
    most = top or patterns.PAGE
    identity = book.hash if book else ""
    with (
        create(output) as out,
        patterns.open_page(html, "Terms", units, identity, most, examples) as page,
    ):
        recordings = patterns.read_recordings(
            job,
            units,
            same,
            needs_audio=clips or html,
            check=lambda recording: check_units(recording.units, book, MOST_UNITS),
        )
        if book is None:
            same.report()
        size = _size(recordings) if book is None else len(book.centroids)
        centroids = None if book is None else book.centroids
        found = discover(recordings, size, centroids, config, jobs, job.log)[:top]
        patterns.write_patterns(
            found,
            lambda rank, term: {"term": rank, **describe_term(term, recordings)},
            recordings,
            out,
            page,
            lambda rank, term: f"{rank:04d}",
            clips,
            examples,
        )


def _size(recordings):
    return 1 + max((int(recording.units.max(initial=0)) for recording in recordings), default=0)
