"""su-bpe: units to pieces and back, and the pieces that recur."""

import click

from units import __version__
from units.cli import CONTEXT, PATH, ToolGroup, output_option, records_argument, seed_option, tool
from units.config import BpeConfig, MotifConfig
from units.records import InputError, require

DEFAULT, MOTIFS = BpeConfig(), MotifConfig()

model_option = click.option(
    "-m", "--model", type=PATH, required=True, metavar="FILE", help="The model of su-bpe train."
)
keep_runs_option = click.option(
    "--keep-runs", is_flag=True, help="Take a unit for every frame; else a run of equal units counts as one."
)


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
    help="Number of pieces, the single units among them.",
)
@click.option(
    "--model-type",
    type=click.Choice(["bpe", "unigram"]),
    default=DEFAULT.model_type,
    help="Merge the most frequent pairs, or prune by likelihood.",
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
    from units import bpe
    from units.streams import create

    texts = []
    for record in job.records(units):
        with job.item(record):
            texts.append(bpe.to_text(runs(record, keep_runs)[0]))
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
    from units import bpe
    from units.streams import create, write_record

    model = bpe.load(model)
    with create(output) as out:
        for record in job.records(units):
            with job.item(record):
                values, counts = runs(record, keep_runs)
                record["pieces"] = model.encode(values).tolist()
                record["units"] = values
                record.pop("counts", None)
                if not keep_runs:
                    record["counts"] = counts
                write_record(record, out)


@tool("decode")
@records_argument("pieces")
@model_option
@output_option("Records with units; standard output if not given.")
def decode(job, pieces, model, output):
    """Write each record's pieces as units."""
    from units import bpe
    from units.streams import create, write_record

    model = bpe.load(model)
    with create(output) as out:
        for record in job.records(pieces):
            with job.item(record):
                units = model.decode(require(record, "pieces")).tolist()
                if "counts" in record and len(require(record, "counts")) != len(units):
                    raise InputError(
                        f'{len(record["counts"])} "counts", but the pieces make {len(units)} units'
                    )
                record["units"] = units
                write_record(record, out)


@tool("motifs")
@records_argument("units")
@model_option
@keep_runs_option
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Write the N best only.  [default: all]")
@click.option(
    "--min-count", type=click.IntRange(min=1), default=MOTIFS.min_count, help="Fewest times a motif occurs."
)
def motifs(job, units, model, keep_runs, top, min_count):
    """Write the pieces of two or more units that recur, best first, with all their occurrences."""
    import sys

    from units import bpe
    from units.motifs import find
    from units.streams import write_record

    model = bpe.load(model)
    segments = []
    for record in job.records(units):
        with job.item(record):
            segments.append(_segment(record, model, keep_runs))
    for motif in find(segments, model, min_count)[:top]:
        motif["occurrences"] = [
            [s.id, s.audio_filepath, round(start, 6), round(end, 6)] for s, start, end in motif["occurrences"]
        ]
        write_record(motif, sys.stdout.buffer)


def _segment(record, model, keep_runs):
    import numpy as np

    from units.audio import FRAME_SHIFT
    from units.motifs import Segment

    values, counts = runs(record, keep_runs)
    offset = require(record, "offset") if "offset" in record else 0.0
    shift = require(record, "frame_shift") if "frame_shift" in record else FRAME_SHIFT
    edges = offset + shift * np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    name, path, speaker = (
        require(record, field) if field in record else None for field in ("id", "audio_filepath", "speaker")
    )
    return Segment(name, path, speaker, np.asarray(values, np.int32), edges, model.encode(values))


def runs(record, keep_runs):
    """Return the units of a record and how many frames each lasts: runs, or with keep_runs frames."""
    from units.quantize import run_lengths
    from units.records import frame_units

    units = frame_units(record)
    return (units, [1] * len(units)) if keep_runs else run_lengths(units)


for command in (train, encode, decode, motifs):
    main.add_command(command)
