"""su-quantize: frames to units."""

import itertools

import click

from units.cli.options import PATH, output_option, records_argument
from units.cli.tool import tool
from units.records import InputError, require

SAMPLE_SECONDS = 600


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
@click.option(
    "--smooth-rate",
    "rate_hz",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HZ",
    help="Find the LAMBDA that leaves HZ runs a second in the first ten minutes; -v tells it.",
)
@click.option("--force", is_flag=True, help="Take frames of another encoder than the codebook's.")
@output_option("Records with units; standard output if not given.")
def main(job, features, codebook, collapse, penalty, rate_hz, force, output):
    """Replace each record's frames by the units of a codebook."""
    from units.codebook.codebook import load_codebook
    from units.codebook.quantize import quantize
    from units.files.output import create
    from units.files.streams import write_record

    if penalty and rate_hz:
        raise click.UsageError("--smooth and --smooth-rate exclude each other")
    book = load_codebook(codebook)
    with create(output) as out:
        records = _read(job, features, book, force)
        if rate_hz:
            penalty, records = _find_penalty(job, records, book, rate_hz)
        for record, frames in records:
            _set_units(record, quantize(frames, book, penalty), collapse)
            record["codebook"] = book.hash
            record.pop("smooth", None)
            if penalty:
                record["smooth"] = penalty
            write_record(record, out)


def _read(job, paths, book, force):
    """Yield (record, frames) of the records whose frames fit the codebook."""
    from units.files.streams import features_of

    for record in job.records(paths):
        with job.item(record):
            if not force:
                _check_encoder(record, book)
            if "frame_shift" in record:
                require(record, "frame_shift")
            frames = features_of(record)
            book.check(frames)
            yield record, frames


def _check_encoder(record, book):
    if "encoder" in record and book.encoder and require(record, "encoder") != book.encoder:
        raise InputError(
            f"frames of {record['encoder']}, but the codebook is of {book.encoder} (--force takes them)"
        )


def _find_penalty(job, records, book, rate_hz):
    """Return the penalty, and the records again, the sample that it was found on included."""
    from units.audio.timing import FRAME_SHIFT
    from units.codebook.quantize import penalty_for_rate

    head, sample, seconds = [], [], 0.0
    for record, frames in records:
        head.append((record, frames))
        sample.append((frames, record.get("frame_shift", FRAME_SHIFT)))
        seconds += len(frames) * sample[-1][1]
        if seconds >= SAMPLE_SECONDS:
            break
    if not seconds:
        return 0.0, head
    penalty = penalty_for_rate(sample, book, rate_hz)
    job.log(f"--smooth {penalty:g} leaves {rate_hz:g} runs a second in the first {seconds:.0f} s")
    return penalty, itertools.chain(head, records)


def _set_units(record, units, collapse):
    from units.codebook.quantize import run_lengths

    if collapse:
        record["units"], record["counts"] = run_lengths(units)
    else:
        record["units"] = units.tolist()
        record.pop("counts", None)
    if record.array is not None:  # inline frames end here; a file of frames is still worth knowing
        del record["features"]
        record.array = None
