"""su-bpe: units to pieces and back, and the pieces that recur."""

import click

from units import __version__
from units.cli.motifs import motifs
from units.cli.options import output_option, records_argument, seed_option, settings
from units.cli.patterns import keep_runs_option, model_option
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.config import BpeConfig
from units.records import InputError, require


@click.group("su-bpe", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Join units that often follow each other into pieces, and find the pieces that recur."""


@tool("train")
@records_argument("units")
@output_option("The model, a SentencePiece file", required=True)
@settings(BpeConfig)
@keep_runs_option
@seed_option
def train(job, units, output, config, keep_runs, seed):
    """Train a model on the units of a corpus."""
    from units.codebook.runs import runs_of
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.patterns import bpe

    texts, same = [], SameCodebook()
    for record in job.records(units):
        with job.item(record):
            text = bpe.to_text(runs_of(record, keep_runs)[0])
            same.check(record)
            texts.append(text)
    same.report()
    model = bpe.train(texts, config, seed)
    with create(output) as out:
        out.write(model)


@tool("encode")
@records_argument("units")
@model_option
@keep_runs_option
@output_option("Records with `pieces`")
def encode(job, units, model, keep_runs, output):
    """Add each record's pieces: its units, joined as the model says."""
    from units.codebook.runs import runs_of
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.files.streams import write_record
    from units.patterns import bpe

    model, same = bpe.load_model(model), SameCodebook()
    with create(output) as out:
        for record in job.records(units):
            with job.item(record):
                values, counts = runs_of(record, keep_runs)
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
@output_option("Records with `units`")
def decode(job, pieces, model, output):
    """Restore each record's units from its pieces."""
    from units.files.output import create
    from units.files.streams import write_record
    from units.patterns import bpe

    model = bpe.load_model(model)
    with create(output) as out:
        for record in job.records(pieces):
            with job.item(record):
                units = model.decode(require(record, "pieces")).tolist()
                if record.get("units") not in (None, units):
                    raise InputError(
                        'the "pieces" come from another model: they do not give the record\'s "units"'
                    )
                if "counts" in record and len(require(record, "counts")) != len(units):
                    raise InputError(
                        f'{len(record["counts"])} "counts", but the pieces give {len(units)} units'
                    )
                record["units"] = units
                write_record(record, out)


for command in (train, encode, decode, motifs):
    main.add_command(command)
