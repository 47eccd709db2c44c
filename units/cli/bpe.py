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
                record["units"] = values.tolist()
                record.pop("counts", None)
                if not keep_runs:
                    record["counts"] = counts.tolist()
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
    "--by",
    "ranking",
    type=click.Choice(["llr", "count"]),
    default="llr",
    help="Best is what occurs more often than its pairs of units predict (likelihood ratio), or most often.",
)
@click.option(
    "--min-count", type=click.IntRange(min=1), default=MOTIFS.min_count, help="Fewest times a motif occurs."
)
@click.option(
    "--clips",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cut the N best examples of each motif as WAV, with 75 ms around, into the folder of -o.",
)
@output_option("The folder of the clips.", metavar="DIR")
def motifs(job, units, model, keep_runs, top, ranking, min_count, clips, output):
    """Write the pieces of two or more units that recur, best first, with all their occurrences."""
    import sys

    from units import bpe
    from units.motifs import describe, find
    from units.streams import write_record

    if bool(clips) != bool(output):
        raise click.UsageError("--clips and -o go together")
    model = bpe.load(model)
    segments = []
    for record in job.records(units):
        with job.item(record):
            segments.append(_segment(record, model, keep_runs, needs_audio=clips))
    for rank, motif in enumerate(find(segments, model, min_count, ranking)[:top], start=1):
        record = describe(motif, segments)
        if clips:
            record["clips"] = _cut(motif, segments, clips, output, rank)
        write_record(record, sys.stdout.buffer)


def _segment(record, model, keep_runs, needs_audio):
    import numpy as np

    from units.audio import FRAME_SHIFT
    from units.motifs import Segment

    if needs_audio:
        require(record, "audio_filepath")
    values, counts = runs(record, keep_runs)
    known = {name: require(record, name) for name in _OF_A_SEGMENT if name in record}
    offset, shift = known.get("offset", 0.0), known.get("frame_shift", FRAME_SHIFT)
    edges = offset + shift * np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    end = max(float(edges[-1]), offset + known.get("duration", 0.0))
    names = (known.get(name) for name in ("id", "audio_filepath", "speaker"))
    return Segment(*names, np.asarray(values, np.int32), edges, model.encode(values), end)


_OF_A_SEGMENT = ("id", "audio_filepath", "speaker", "offset", "duration", "frame_shift")


def _cut(motif, segments, number, folder, rank):
    """Write the best examples of a motif as WAV; return the names of the files."""
    import os

    from units.cli.clips import cut
    from units.motifs import choose

    os.makedirs(folder, exist_ok=True)
    names = []
    for i, example in enumerate(choose(motif, segments, number), start=1):
        segment = segments[motif.where[example]]
        names.append(os.path.join(folder, f"{rank:04d}-{motif.piece}-{i}.wav"))
        span = float(motif.starts[example]), float(motif.ends[example])
        cut(names[-1], segment.audio_filepath, *span, segment.end)
    return names


def runs(record, keep_runs):
    """Return the units of a record and how many frames each lasts, arrays: runs, or with keep_runs frames."""
    import numpy as np

    from units.quantize import runs_of
    from units.records import frame_units

    if not keep_runs:
        return runs_of(record)
    units = np.array(frame_units(record), np.int64)
    return units, np.ones(len(units), np.int64)


for command in (train, encode, decode, motifs):
    main.add_command(command)
