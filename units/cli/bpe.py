"""su-bpe: units to pieces and back, and the pieces that recur."""

import click

from units import __version__
from units.cli.motifs import motifs
from units.cli.options import output_option, records_argument, seed_option
from units.cli.runs import keep_runs_option, model_option, runs
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.config import BpeConfig
from units.records import InputError, require

DEFAULT = BpeConfig()


@click.group("su-bpe", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Join units that often stand together into pieces, and find the pieces that recur."""


@tool("train")
@records_argument("units")
@output_option("The model, a SentencePiece file.", required=True)
@click.option(
    "--vocab-size",
    type=click.IntRange(min=2),
    default=DEFAULT.vocab_size,
    help="Number of pieces, the single units among them: hundreds for sounds, thousands for words.",
)
@click.option(
    "--model-type",
    type=click.Choice(["bpe", "unigram"]),
    default=DEFAULT.model_type,
    help="Merge the most frequent pair again and again, or prune all that recurs by likelihood.",
)
@click.option(
    "--max-piece-length",
    type=click.IntRange(1, 512),
    default=DEFAULT.max_piece_length,
    help="Most units in a piece.",
)
@click.option(
    "--alphabet",
    type=click.IntRange(1, 20_000),
    metavar="N",
    help="Number of different units.  [default: as many as the data need]",
)
@keep_runs_option
@seed_option
def train(job, units, output, keep_runs, seed, **settings):
    """Train a model on the units of a corpus."""
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.patterns import bpe

    texts, same = [], SameCodebook()
    for record in job.records(units):
        with job.item(record):
            text = bpe.to_text(runs(record, keep_runs)[0])
            same.check(record)
            texts.append(text)
    same.report()
    model = bpe.train(texts, BpeConfig(**settings), seed)
    with create(output) as out:
        out.write(model)


@tool("encode")
@records_argument("units")
@model_option
@keep_runs_option
@output_option("Records with pieces; standard output if not given.")
def encode(job, units, model, keep_runs, output):
    """Write each record's units as pieces of a model."""
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.files.streams import write_record
    from units.patterns import bpe

    model, same = bpe.load(model), SameCodebook()
    with create(output) as out:
        for record in job.records(units):
            with job.item(record):
                values, counts = runs(record, keep_runs)
                record["pieces"] = model.encode(values).tolist()
                record["units"] = values.tolist()
                record.pop("counts", None)
                if not keep_runs:
                    record["counts"] = counts.tolist()
                same.check(record)
                write_record(record, out)
        same.report()


@tool("decode")
@records_argument("pieces")
@model_option
@output_option("Records with units; standard output if not given.")
def decode(job, pieces, model, output):
    """Write each record's pieces as units."""
    from units.files.output import create
    from units.files.streams import write_record
    from units.patterns import bpe

    model = bpe.load(model)
    with create(output) as out:
        for record in job.records(pieces):
            with job.item(record):
                units = model.decode(require(record, "pieces")).tolist()
                if record.get("units") not in (None, units):
                    raise InputError('the "pieces" are not of this model: they make other "units"')
                if "counts" in record and len(require(record, "counts")) != len(units):
                    raise InputError(
                        f'{len(record["counts"])} "counts", but the pieces make {len(units)} units'
                    )
                record["units"] = units
                write_record(record, out)


for command in (train, encode, decode, motifs):
    main.add_command(command)
