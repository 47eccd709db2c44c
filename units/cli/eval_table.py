"""su-eval table: runs side by side."""

import os

import click

from units.cli.options import PATH, output_option, seed_option
from units.cli.tool import tool


@tool("table")
@click.argument("runs", nargs=-1, required=True, type=PATH)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "csv", "markdown"]),
    default="text",
    help="Format of the table. text and markdown round to 4 digits, shorten names and add notes.",
)
@seed_option
@output_option("The table")
def table_command(job, runs, style, seed, output):
    """Print runs of su-eval side by side: means, and paired differences to the first, with 95 % intervals.

    The notes below the table say which figures not to trust, and why.
    """
    from units.files.output import create
    from units.metrics.runs import check_pairs, notes, read_run

    if runs.count("-") > 1:
        raise click.UsageError("only one run can be standard input")
    first, *others = map(read_run, runs, short_names(runs) if style != "csv" else runs)
    for other in others:
        check_pairs(first, other)
    rows = list(table(first, others, seed))
    if style == "csv":
        lines = list(_csv(rows))
    else:
        rows = [rows[0], *([_label(name), *cells] for name, *cells in rows[1:])]
        lines = list({"text": _text, "markdown": _markdown}[style](rows))
        lines += ["\n", _LEGEND, *(f"- {note}\n" for run in (first, *others) for note in notes(run))]
    with create(output) as out:
        out.write("".join(lines).encode(errors="surrogateescape"))


_LEGEND = "↑ higher is better, ↓ lower is better; in brackets: 95 % intervals.\n"


def short_names(paths):
    """Return the paths without the parts that all of them share, to head the columns.

    >>> short_names(["exp/a/scores.jsonl", "exp/b/scores.jsonl"]), short_names(["a.jsonl", "b.jsonl"])
    (['a', 'b'], ['a', 'b'])
    """
    parts = [path.split(os.sep) for path in paths]
    while all(len(each) > 1 for each in parts) and len({each[0] for each in parts}) == 1:
        parts = [each[1:] for each in parts]
    while all(len(each) > 1 for each in parts) and len({each[-1] for each in parts}) == 1:
        parts = [each[:-1] for each in parts]
    names = [os.sep.join(each).removesuffix(".jsonl") for each in parts]
    return ["stdin" if name == "-" else name for name in names]


def _label(name):
    """Return the name of a figure for people: its label, its key and which direction is better."""
    from units.metrics.figures import SPEECH, UNITS

    figure = (SPEECH | UNITS).get(name)
    return f"{figure.label} ({name}) {figure.direction[0]}".rstrip() if figure else name


def table(first, others, seed):
    """Yield the rows of a table, names of columns first; a cell is a text or an interval or None."""
    from units.metrics.runs import difference

    heads = [[run.name, f"{run.name} - {first.name}"] for run in others]
    yield ["figure", first.name, *(head for pair in heads for head in pair)]
    names = dict.fromkeys(name for run in (first, *others) for name in run.summary)
    for name in names:
        cells = [(run.summary.get(name), difference(first, run, name, seed)) for run in others]
        yield [name, first.summary.get(name), *(cell for pair in cells for cell in pair)]


def _words(cell):
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else "{mean:.4g} [{low:.4g}, {high:.4g}]".format(**cell)


def _text(rows):
    rows = [[_words(cell).replace("\n", "?") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip() + "\n"


def _markdown(rows):
    for number, row in enumerate(rows):
        yield "| " + " | ".join(_words(cell).replace("|", r"\|").replace("\n", " ") for cell in row) + " |\n"
        if number == 0:
            yield "|" + " --- |" * len(row) + "\n"


def _csv(rows):
    """Yield CSV with three columns for each interval: its mean, low and high."""
    import csv
    import io

    for number, (name, *cells) in enumerate(rows):
        if number == 0:
            cells = [f"{head} {part}" for head in cells for part in ("mean", "low", "high")]
        else:
            cells = [(cell or {}).get(part, "") for cell in cells for part in ("mean", "low", "high")]
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([name, *cells])
        yield line.getvalue()
