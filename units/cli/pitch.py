"""su-pitch: records of audio to records with the F0 of each frame."""

import click

from units.cli.options import jobs_option, output_option, records_argument
from units.cli.tool import tool


@tool("su-pitch")
@records_argument("records")
@click.option(
    "--floor", "floor_hz", type=click.FloatRange(20, 1000), default=50.0, help="Lowest F0 looked for, in Hz."
)
@click.option(
    "--ceiling",
    "ceiling_hz",
    type=click.FloatRange(40, 2000),
    default=400.0,
    help="Highest F0 looked for, in Hz.",
)
@jobs_option
@output_option("Records with f0; standard output if not given.")
def main(job, records, floor_hz, ceiling_hz, jobs, output):
    """Add the fundamental frequency of each frame to records: Hz, 0 where unvoiced."""
    if ceiling_hz <= floor_hz:
        raise click.UsageError("--ceiling must lie above --floor")

    from functools import partial

    from units.files.output import create
    from units.files.streams import write_record
    from units.parallel import ordered_map

    work = partial(_f0, floor_hz=floor_hz, ceiling_hz=ceiling_hz)
    with create(output) as out:
        for record, f0_hz in ordered_map(work, job.records(records), jobs):
            with job.item(record):
                record["f0"] = f0_hz.result()
                write_record(record, out)


def _f0(record, floor_hz, ceiling_hz):
    from units.audio.pitch import estimate
    from units.audio.reading import load_record

    return [round(f, 2) for f in estimate(load_record(record), floor_hz, ceiling_hz).tolist()]
