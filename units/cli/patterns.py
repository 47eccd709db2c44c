"""What the tools that find patterns share: their corpus, their clips, their page."""

import contextlib
import os

import click

from units.cli.options import PATH, folder_option, html_option
from units.records import require

PAGE = 50  # motifs or terms on a page, unless --top says how many

model_option = click.option(
    "-m", "--model", type=PATH, required=True, metavar="BPE", help="Model made by su-bpe train."
)
keep_runs_option = click.option(
    "--keep-runs",
    is_flag=True,
    help="Keep one unit per frame. By default a run of equal units counts as one unit.",
)


def examples_option_of(text):
    """Return the decorator for --examples: how many examples to listen to."""
    return click.option("--examples", type=click.IntRange(1, 9), default=5, metavar="N", help=text)


examples_option = examples_option_of(
    "Number of examples of each pattern in --clips and --html. Different speakers and recordings come first."
)
clips_option = folder_option(
    "--clips", "Write the examples of each pattern as WAV files, with 75 ms of context, to this folder."
)
page_option = html_option(f"the best patterns, {PAGE} unless --top is given, to listen to and to tag")


def check_examples(*places):
    """Raise UsageError if --examples is given, but none of the options that write examples.

    places: (name, value) of each of these options.
    """
    given = (
        click.get_current_context().get_parameter_source("examples") is click.core.ParameterSource.COMMANDLINE
    )
    if given and not any(value for _, value in places):
        raise click.UsageError(f"--examples requires {' or '.join(name for name, _ in places)}")


def read_recordings(job, paths, same, keep_runs=False, needs_audio=False, check=lambda recording: None):
    """Return the Recordings of the records in files; same: the SameCodebook that checks them.

    check(recording) may raise InputError, which counts as a fault of its record.
    """
    from units.patterns.corpus import read_recording

    recordings = []
    for record in job.records(paths):
        with job.item(record):
            if needs_audio:
                require(record, "audio_filepath")
            recording = read_recording(record, keep_runs)
            check(recording)
            same.check(record)
            recordings.append(recording)
    return recordings


@contextlib.contextmanager
def open_page(html, kind, names, identity, most, examples):
    """Give the function page(record, found, recordings), which adds a motif or term to a page.

    html: the page's file, written when the block ends; None: no page. kind: "Motifs" or "Terms"; names: the
    input files, for the title; identity: the hash of what made the patterns; most: patterns on the page.
    """
    if html is None:
        yield lambda record, found, recordings: None
        return
    from units.files.output import create
    from units.patterns.occurrences import choose_examples
    from units.report.motifs import load_voice, motif_row, motifs_page

    if html == "-":
        raise click.UsageError("--html: the page cannot go to standard output, where the records go")
    rows = []

    def add(record, found, recordings):
        if len(rows) >= most:
            return
        chosen = choose_examples(found, recordings, examples)
        places = [(recordings[found.where[i]], float(found.starts[i]), float(found.ends[i])) for i in chosen]
        rows.append(motif_row(len(rows) + 1, record, [load_voice(*place) for place in places]))

    with create(html) as file:
        yield add
        file.write(motifs_page(f"{kind} of {_title_of(names)}", identity, rows).encode())


def _title_of(names):
    """Return what a title calls the input files."""
    if len(names) > 1:
        return f"{len(names)} files"
    return "standard input" if names in ((), ("-",)) else os.path.basename(names[0])


def write_patterns(found, describe, recordings, out, page, stem_of, clips, examples):
    """Write motifs or terms as records, the best first, with their clips and on the page.

    describe(rank, pattern): its record; stem_of(rank, pattern): the name of its clips, without number.
    """
    from units.cli.clips import cut_examples
    from units.files.streams import write_record

    for rank, pattern in enumerate(found, start=1):
        record = describe(rank, pattern)
        if clips:
            stem = os.path.join(clips, stem_of(rank, pattern))
            record["clips"] = cut_examples(pattern, recordings, examples, stem)
        page(record, pattern, recordings)
        write_record(record, out)
