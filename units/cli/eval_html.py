"""--html of su-eval: what is kept of the records while they are measured, and the page made of it."""

import contextlib
import importlib.util
import os

import click

from units.cli.options import PATH
from units.records import InputError

html_option = click.option(
    "--html",
    type=PATH,
    metavar="FILE",
    help="Write a page to look and listen: one file that needs no network.",
)
examples_option = click.option(
    "--examples",
    type=click.IntRange(0, 50),
    default=3,
    metavar="N",
    help="Recordings to listen to in the page, evenly spaced from the best to the worst.",
)
_KEPT = ("id", "audio_filepath", "offset", "duration", "channel", "frame_shift", "units", "counts", "phones")


@contextlib.contextmanager
def create_report(kind, names, output, html, **settings):
    """Give the report of a kind to fill, which does nothing where no page is asked for.

    names: of the file measured, then of those it is held against. What cannot succeed fails before the work.
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
        raise InputError("--html needs matplotlib, of the extra speech-units[eval]")
    with create(html) as file:
        yield kind(file, title, **settings)


class SpeechReport:
    """What a page of su-eval speech shows: figures of each record, and where its audio is."""

    def __init__(self, file, title, examples):
        self.file, self.title, self.examples = file, title, examples
        self.rows, self._kept = [], []

    def add(self, record, reference, figures):
        """Keep a measured record; as bytes, for lists of 10,000 records' phones would take a gigabyte."""
        from units.records import serialize

        if self.file is None:
            return
        self.rows.append((record["id"], figures))
        pair = ({field: each[field] for field in _KEPT if field in each} for each in (record, reference))
        self._kept.append(tuple(map(serialize, pair)))

    def write(self, job, summary):
        """Write the page of the records kept."""
        if self.file is None:
            return
        from units.report.listening import choose
        from units.report.speech import FIGURES, ranking, speech_page

        by = ranking(summary)
        chosen = choose([f.get(by) for _, f in self.rows], self.examples, FIGURES[by].better) if by else []
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
    """What a page of su-eval units shows."""

    def __init__(self, file, title):
        self.file, self.title = file, title

    def write(self, job, corpus, summary):
        """Write the page of a corpus, None where there is not one record."""
        if self.file is None:
            return
        from units.report.page import page
        from units.report.units import units_page

        html = (
            units_page(self.title, summary, corpus) if corpus else page(self.title, "<p>No records.</p>", [])
        )
        self.file.write(html.encode())
        job.log(f"a page of {len(corpus.records) if corpus else 0} records")
