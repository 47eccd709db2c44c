"""su-quantize: frames to units."""

import sys

import click

from units.cli import PATH, output_option, records_argument, tool
from units.records import InputError, require


@tool("su-quantize")
@records_argument("features")
@click.option(
    "-c", "--codebook", type=PATH, required=True, metavar="FILE", help="The codebook of su-cluster."
)
@click.option("--collapse", is_flag=True, help="Write runs: each unit once, with its frames in `counts`.")
@click.option(
    "--smooth",
    "penalty",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="LAMBDA",
    help="Cost of a change of unit, in squared distance; the whole is minimised exactly.",
)
@click.option("--force", is_flag=True, help="Take frames of another encoder than the codebook's.")
@output_option("Records with units; standard output if not given.")
def main(job, features, codebook, collapse, penalty, force, output):
    """Replace each record's frames by the units of a codebook."""
    from units.cluster import load_codebook
    from units.quantize import run_lengths
    from units.streams import create, features_of, write_record

    book = load_codebook(codebook)
    with create(output) as out:
        for record in job.records(features):
            with job.item(record):
                if not force:
                    _check_encoder(record, book)
                units = _quantize(features_of(record), book, penalty)
                if collapse:
                    record["units"], record["counts"] = run_lengths(units)
                else:
                    record["units"] = units.tolist()
                    record.pop("counts", None)
                record["codebook"] = book.hash
                if (
                    record.array is not None
                ):  # inline frames end here; a file of frames is still worth knowing
                    del record["features"]
                write_record(record, out)


def _check_encoder(record, book):
    if "encoder" in record and book.encoder and require(record, "encoder") != book.encoder:
        raise InputError(
            f"frames of {record['encoder']}, but the codebook is of {book.encoder} (--force takes them)"
        )


def _quantize(frames, book, penalty):
    from units.quantize import assign, smooth

    if frames.shape[1] != book.centroids.shape[1]:
        raise InputError(
            f"frames of {frames.shape[1]} dimensions, but centroids of {book.centroids.shape[1]}"
        )
    frames = book.normalize(frames)
    return smooth(frames, book.centroids, penalty) if penalty else assign(frames, book.centroids)
