"""The pages of su-eval: collect the data of records, and write the page."""

import contextlib
import importlib.util
import os

import click

from units.cli.options import html_option
from units.records import InputError

page_option = html_option("the figures, to look at and to listen to")
examples_option = click.option(
    "--examples",
    type=click.IntRange(0, 50),
    default=3,
    metavar="N",
    help="Number of recordings in the page to listen to, evenly spaced from the best to the worst.",
)
_KEPT = ("id", "audio_filepath", "offset", "duration", "channel", "frame_shift", "units", "counts", "phones")


@contextlib.contextmanager
def create_report(kind, names, output, html, **settings):
    """Give a report of a kind to fill; without --html nothing is written.

    names: the measured file, then those it is compared with. Faults are reported before the work begins.
    """
    measured, against, *more = ("standard input" if name == "-" else os.path.basename(name) for name in names)
    title = f"{measured} against {against}" + (f" and {len(more)} more" if more else "")
    if html is None:
        yield kind(None, title, **settings)
        return
    from units.files.output import create

    if html == "-" and output in (None, "-"):
        raise click.UsageError("the page and the records cannot both go to standard output")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("--html needs matplotlib, from the extra speech-units[eval]")
    with create(html) as file:
        yield kind(file, title, **settings)


class SpeechReport:
    """The data of a page of su-eval speech: the figures of each record, and the place of its audio."""

    def __init__(self, file, title, examples):
        self.file, self.title, self.examples = file, title, examples
        self.rows, self._kept = [], []

    def add(self, record, reference, figures):
        """Keep a measured record, as bytes: the phones of 10,000 records as lists would take a gigabyte."""
        from units.records import serialize

        if self.file is None:
            return
        self.rows.append((record["id"], figures))
        pair = ({field: each[field] for field in _KEPT if field in each} for each in (record, reference))
        self._kept.append(tuple(map(serialize, pair)))

    def write(self, job, summary):
        """Write the page."""
        if self.file is None:
            return
        from units.metrics.figures import SPEECH
        from units.report.listening import choose
        from units.report.speech import ranking, speech_page

        by = ranking(summary)
        chosen = choose([f.get(by) for _, f in self.rows], self.examples, SPEECH[by].better) if by else []
        examples = {index: self._example(index, rank) for index, rank in chosen}
        page = speech_page(self.title, summary, self.rows, examples)
        self.file.write(page.encode())
        job.log(f"a page of {len(self.rows)} records, {len(examples)} to listen to")

    def _example(self, index, rank):
        from units.records import parse
        from units.report.listening import load_example

        figures = self.rows[index][1]
        record, reference = map(parse, self._kept[index])
        return load_example(record, reference, rank, figures)


class UnitsReport:
    """The data of a page of su-eval units."""

    def __init__(self, file, title):
        self.file, self.title = file, title

    def write(self, job, corpus, summary):
        """Write the page of a corpus; None if there are no records."""
        if self.file is None:
            return
        from units.report.page import page
        from units.report.units import units_page

        if corpus:
            html = units_page(self.title, summary, corpus)
        else:
            html = page("message.html", self.title, message="There are no records.")
        self.file.write(html.encode())
        job.log(f"a page of {len(corpus.records) if corpus else 0} records")
