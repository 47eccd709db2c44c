"""su-synth: records with units to audio."""

import os
import sys

import click

from units.cli import device_option, records_argument, tool
from units.records import InputError, file_name, frame_units, require


@tool("su-synth")
@records_argument("units")
@click.option("-m", "--model", metavar="DIR", required=True, help="The vocoder's directory.")
@click.option(
    "-o",
    "--output",
    metavar="DIR|FILE.wav|-",
    default="-",
    help="A folder for a WAV a record, one WAV for all of them, or - for one WAV on standard output.",
)
@click.option("--f0", type=click.Choice(["record", "predict"]), default="record", help="Where F0 comes from.")
@click.option(
    "--durations",
    type=click.Choice(["record", "predict"]),
    default="record",
    help="predict: units are runs, their lengths the predictor's; record: as `counts` says, or one a frame.",
)
@click.option("--pitch-shift", type=click.FloatRange(-24, 24), default=0.0, help="Semitones.")
@click.option("--speed", type=click.FloatRange(0.25, 4), default=1.0, help="2 speaks twice as fast.")
@click.option("--speaker", default=None, help="Speak as this speaker, its pitch range as well.")
@click.option("--rtf", is_flag=True, help="Add `rtf`, the seconds a second of audio took.")
@click.option("--force", is_flag=True, help="Speak units of another codebook than the vocoder's.")
@device_option
def main(job, units, model, output, rtf, force, device, **how):
    """Speak units: write audio, and a record of each piece of it."""
    from units.cli.synth_output import open_output
    from units.devices import choose
    from units.streams import write_record
    from units.vocoder.model import load

    vocoder = load(model, choose(device))
    with open_output(output) as out:
        for record in job.records(units):
            with job.item(record):
                if not force:
                    _check_codebook(record, vocoder)
                plan = prepare(record, vocoder, how)
                seconds = out.write(record, vocoder.speak(*plan), plan)
                if rtf and seconds is not None:
                    record["rtf"] = round(seconds / record["duration"], 5)
                if output != "-":
                    write_record(record, sys.stdout.buffer)


def _check_codebook(record, vocoder):
    known = vocoder.config.codebook
    if "codebook" in record and known and require(record, "codebook") != known:
        raise InputError(f"units of codebook {record['codebook']}, but the vocoder speaks {known} (--force)")


def prepare(record, vocoder, how):
    """Return what a record says to the vocoder: frame units, F0 in Hz, speaker index."""
    from units.vocoder.prosody import move_f0, resample

    own = require(record, "speaker") if "speaker" in record and vocoder.config.speakers else None
    speaker = vocoder.speaker_index(how["speaker"] or own)
    if how["durations"] == "predict":
        from units.quantize import expand, run_lengths

        runs, _ = run_lengths(require(record, "units"))
        vocoder.check(runs)
        units = expand(runs, vocoder.predict_counts(runs, speaker))
    else:
        units = frame_units(record)
        vocoder.check(units)
    if "f0" in record and how["f0"] == "record" and how["durations"] == "record":
        f0_hz = require(record, "f0")
        if abs(len(f0_hz) - len(units)) > 1:
            raise InputError(f"{len(units)} units, but F0 of {len(f0_hz)} frames")
        f0_hz = [*f0_hz, 0.0][: len(units)]
        if how["speaker"] and own is not None:
            f0_hz = move_f0(f0_hz, vocoder.config, vocoder.speaker_index(own), speaker)
    else:
        f0_hz = vocoder.predict_f0(units, speaker)
    shift = 2 ** (how["pitch_shift"] / 12)
    return (*resample(units, [f * shift for f in f0_hz], how["speed"]), speaker)


def output_name(record, folder):
    """Return where a record's audio goes in a folder; the id must be fit to name a file."""
    return os.path.join(folder, file_name(require(record, "id"), ".wav"))
