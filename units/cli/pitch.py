"""su-pitch: records of audio to records with the F0 of each frame."""

import click

from units.cli.options import jobs_option, output_option, records_argument, settings
from units.cli.tool import tool
from units.config import PitchConfig


@tool("su-pitch")
@records_argument("records")
@settings(PitchConfig)
@jobs_option
@output_option("Records with `f0`")
def main(job, records, config, jobs, output):
    """Add the fundamental frequency of each frame to records: in Hz, 0 if unvoiced."""
    if config.ceiling_hz <= config.floor_hz:
        raise click.UsageError("--ceiling must be above --floor")

    from functools import partial

    from units.files.output import create
    from units.files.streams import write_record
    from units.parallel import ordered_map

    work = partial(_f0, floor_hz=config.floor_hz, ceiling_hz=config.ceiling_hz)
    with create(output) as out:
        for record, f0_hz in ordered_map(work, job.records(records), jobs):
            with job.item(record):
                record["f0"] = f0_hz.result()
                write_record(record, out)


def _f0(record, floor_hz, ceiling_hz):
    from units.audio.pitch import estimate
    from units.audio.reading import load_record

    return [round(f, 2) for f in estimate(load_record(record), floor_hz, ceiling_hz).tolist()]
