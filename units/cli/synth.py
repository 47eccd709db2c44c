"""su-synth: records with units to audio."""

import sys

import click

from units.cli.options import PATH, device_option, dtype_option, records_argument
from units.cli.tool import tool
from units.records import InputError, frame_units, require, warn


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
@click.option(
    "--export",
    "model_path",
    type=PATH,
    metavar="FILE",
    help="Write the generator as an ONNX model instead, and speak nothing.",
)
@dtype_option
@device_option
def main(job, units, model, output, rtf, force, model_path, dtype, device, **how):
    """Speak units: write audio, and a record of each piece of it."""
    from units.cli.synth_output import open_output
    from units.devices import choose, choose_dtype
    from units.files.streams import write_record
    from units.vocoder.batches import planned
    from units.vocoder.model import load

    if model_path:
        _export(load(model), model_path, units)
        return
    device = choose(device)
    vocoder = load(model, device, choose_dtype(dtype, device))
    _say_without_f0(model, vocoder.config.arch, how)

    def plan(record):
        if not force:
            _check_codebook(record, vocoder)
        return prepare(record, vocoder, how)

    with open_output(output, vocoder.identity) as out:
        for record, *spoken in planned(job.records(units), plan, vocoder, alone=output == "-" or rtf):
            with job.item(record):
                _write(record, out, *spoken, rtf)
                if output != "-":
                    write_record(record, sys.stdout.buffer)


def _export(vocoder, path, units):
    if units:
        raise click.UsageError("--export takes no records")
    from units.vocoder.onnx import export

    export(vocoder, path)


def _write(record, out, plan, pieces, error, rtf):
    if error:
        raise error
    seconds = out.write(record, pieces, plan)
    if rtf and seconds is not None:
        record["rtf"] = round(seconds / record["duration"], 5)


def _say_without_f0(model, arch, how):
    """Report options about F0 if the vocoder has no use for it."""
    given = click.get_current_context().get_parameter_source("f0") is not click.core.ParameterSource.DEFAULT
    names = [name for name, used in (("--f0", given), ("--pitch-shift", how["pitch_shift"])) if used]
    if arch == "v1" and names:
        warn(f"{model}: a vocoder of units alone (v1), which has no F0 and ignores {' and '.join(names)}")


def _check_codebook(record, vocoder):
    known = vocoder.config.codebook
    if "codebook" in record and known and require(record, "codebook") != known:
        raise InputError(f"units of codebook {record['codebook']}, but the vocoder speaks {known} (--force)")


def prepare(record, vocoder, how):
    """Return what a record says to the vocoder: frame units, F0 in Hz, speaker index."""
    from units.vocoder.prosody import fit_f0, resample

    speaker = _speaker(record, vocoder, how["speaker"])
    if how["durations"] == "predict":
        from units.codebook.runs import expand, run_lengths

        runs = run_lengths(require(record, "units"))[0].tolist()
        vocoder.check(runs)
        units = expand(runs, vocoder.predict_counts(runs, speaker)).tolist()
    else:
        units = frame_units(record)
        vocoder.check(units)
    if "f0" in record and how["f0"] == "record" and how["durations"] == "record":
        f0_hz = fit_f0(require(record, "f0"), len(units))
        if how["speaker"]:
            f0_hz = _moved(f0_hz, record, vocoder.config, speaker)
    else:
        f0_hz = vocoder.predict_f0(units, speaker)
    shift = 2 ** (how["pitch_shift"] / 12)
    return (*resample(units, [f * shift for f in f0_hz], how["speed"]), speaker)


def _speaker(record, vocoder, wanted):
    """Return the index of who is to speak: the one wanted, the record's own, the first."""
    own = require(record, "speaker") if "speaker" in record and vocoder.config.speakers else None
    if not (wanted or own) and len(vocoder.config.speakers) > 1:
        first = vocoder.config.speakers[0]
        warn(f"records that name no speaker are spoken by {first}, the first of the vocoder (see --speaker)")
    return vocoder.speaker_index(wanted or own)


def _moved(f0_hz, record, config, speaker):
    """Return F0 moved to a speaker's range from that of the record's speaker, where unknown the record's."""
    from units.vocoder.prosody import f0_range, move_f0

    ranges = list(zip(config.f0_mean, config.f0_sd, strict=True))
    known = record.get("speaker") in config.speakers
    own = ranges[config.speakers.index(record["speaker"])] if known else f0_range(f0_hz, ranges[speaker][1])
    return move_f0(f0_hz, own, ranges[speaker])
