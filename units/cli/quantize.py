"""su-quantize: frames to units."""

import itertools

import click

from units.cli.options import codebook_option, output_option, records_argument, settings
from units.cli.tool import tool
from units.config import QuantizeConfig
from units.records import optional, require

SAMPLE_SECONDS = 600


@tool("su-quantize")
@records_argument("features")
@codebook_option("Codebook of su-cluster, or small or small-256, which come with the package.", required=True)
@click.option("--collapse", is_flag=True, help="Write runs: each unit once, and its frames in `counts`.")
@settings(QuantizeConfig)
@click.option("--force", is_flag=True, help="Accept frames of another encoder than the codebook's.")
@output_option("Records with `units`")
def main(job, features, codebook, collapse, config, force, output):
    """Replace each record's frames by the units of a codebook."""
    from units.codebook.codebook import load_codebook
    from units.codebook.quantize import quantize
    from units.files.output import create
    from units.files.streams import write_record

    if config.smooth and config.smooth_rate:
        raise click.UsageError("give either --smooth or --smooth-rate, not both")
    book, penalty = load_codebook(codebook), config.smooth
    with create(output) as out:
        records = _read(job, features, book, force)
        if config.smooth_rate:
            penalty, records = _find_penalty(job, records, book, config.smooth_rate)
        for record, frames in records:
            _set_units(record, quantize(frames, book, penalty), collapse)
            record["codebook"] = book.hash
            record.pop("smooth", None)
            if penalty:
                record["smooth"] = penalty
            write_record(record, out)


def _read(job, paths, book, force):
    """Yield (record, frames) for each record whose frames fit the codebook."""
    from units.files.streams import features_of

    for record in job.records(paths):
        with job.item(record):
            if not force:
                book.check_encoder(optional(record, "encoder"), "--force accepts them")
            if "frame_shift" in record:
                require(record, "frame_shift")
            frames = features_of(record)
            book.check(frames)
            yield record, frames


def _find_penalty(job, records, book, rate_hz):
    """Return the penalty for a rate of runs, and all records, including those it was measured on."""
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
    job.log(f"--smooth {penalty:g} leaves at most {rate_hz:g} runs per second in the first {seconds:.0f} s")
    return penalty, itertools.chain(head, records)


def _set_units(record, units, collapse):
    from units.codebook.runs import run_lengths

    if collapse:
        record["units"], record["counts"] = (column.tolist() for column in run_lengths(units))
    else:
        record["units"] = units.tolist()
        record.pop("counts", None)
    if record.array is not None:  # inline frames are dropped; a file of frames is still worth naming
        del record["features"]
        record.array = None
