"""su-synth: records with units to audio."""

import click

from units.cli.options import (
    device_option,
    dtype_option,
    folder_option,
    output_option,
    records_argument,
    settings,
)
from units.cli.tool import tool
from units.config import SpeakConfig
from units.records import frame_units, require, warn


@tool("su-synth")
@records_argument("units")
@click.option("-m", "--model", metavar="VOCODER", required=True, help="Directory of the vocoder.")
@folder_option("--audio", "Write one WAV file per record to this folder; -o then gets the records.")
@settings(SpeakConfig)
@click.option(
    "--rtf",
    is_flag=True,
    help="With --audio, add `rtf` to records: the seconds it took to speak one second of audio.",
)
@click.option("--force", is_flag=True, help="Speak units of another codebook than the vocoder's.")
@dtype_option
@device_option
@output_option("One WAV of all records in turn or, with --audio, the records")
def main(job, units, model, audio, config, rtf, force, dtype, device, output):
    """Speak units: write audio, and with --audio a record for each file."""
    if rtf and not audio:
        raise click.UsageError("--rtf adds a field to records, so it requires --audio DIR")
    from units.cli.synth_output import AudioFolder, open_wave
    from units.devices import choose, choose_dtype, place_of
    from units.files.output import create
    from units.files.streams import write_record
    from units.vocoder.batches import utterances
    from units.vocoder.model import load_vocoder

    device = choose(device)
    dtype = choose_dtype(dtype, device)
    job.log(f"computing on {place_of(device, dtype)}")
    vocoder = load_vocoder(model, device, dtype)
    _report_unused_f0(model, vocoder.config.arch, config)

    def plan(record):
        if not force:
            _check_codebook(record, vocoder)
        return prepare(record, vocoder, config)

    records = utterances(job.records(units), plan, vocoder, alone=not audio or rtf)
    if not audio:
        with open_wave(output) as wave:
            for utterance in records:
                with job.item(utterance.record):
                    _write(utterance, wave, vocoder, rtf)
        return
    with create(output) as out:
        folder = AudioFolder(audio, vocoder.identity)
        for utterance in records:
            with job.item(utterance.record):
                _write(utterance, folder, vocoder, rtf)
                write_record(utterance.record, out)


def _write(utterance, out, vocoder, rtf):
    if utterance.error:
        raise utterance.error
    record = utterance.record
    seconds = out.write(record, utterance.pieces(vocoder), utterance.plan)
    if rtf and seconds is not None:
        record["rtf"] = round(seconds / record["duration"], 5)


def _report_unused_f0(model, arch, config):
    """Warn about options for F0 if the vocoder does not use it."""
    given = click.get_current_context().get_parameter_source("f0") is not click.core.ParameterSource.DEFAULT
    names = [name for name, used in (("--f0", given), ("--pitch-shift", config.pitch_shift)) if used]
    if arch == "v1" and names:
        warn(f"{model}: a v1 vocoder has no F0; it ignores {' and '.join(names)}")


def _check_codebook(record, vocoder):
    from units.codebook.same import check_codebook

    if "codebook" in record:
        found = require(record, "codebook")
        check_codebook(found, vocoder.config.codebook, "the vocoder", "--force speaks them anyway")


def prepare(record, vocoder, config):
    """Return what the vocoder gets from a record: frame units, F0 in Hz, speaker index."""
    from units.vocoder.prosody import fit_f0, resample

    speaker = _speaker(record, vocoder, config.speaker)
    if config.durations == "predict":
        from units.codebook.runs import expand, run_lengths

        runs = run_lengths(require(record, "units"))[0].tolist()
        vocoder.check(runs)
        units = expand(runs, vocoder.predict_counts(runs, speaker)).tolist()
    else:
        units = frame_units(record)
        vocoder.check(units)
    if "f0" in record and config.f0 == "record" and config.durations == "record":
        f0_hz = fit_f0(require(record, "f0"), len(units))
        if config.speaker:
            f0_hz = _moved(f0_hz, record, vocoder.config, speaker)
    else:
        f0_hz = vocoder.predict_f0(units, speaker)
    shift = 2 ** (config.pitch_shift / 12)
    return (*resample(units, [f * shift for f in f0_hz], config.speed), speaker)


def _speaker(record, vocoder, wanted):
    """Return the index of the speaker: the wanted one, otherwise the record's own, otherwise the first."""
    own = require(record, "speaker") if "speaker" in record and vocoder.config.speakers else None
    if not (wanted or own) and len(vocoder.config.speakers) > 1:
        first = vocoder.config.speakers[0]
        warn(f"records without a speaker are spoken by {first}, the first of the vocoder (see --speaker)")
    return vocoder.speaker_index(wanted or own)


def _moved(f0_hz, record, config, speaker):
    """Return F0 moved to a speaker's range from that of the record's speaker, or of the record itself."""
    from units.vocoder.prosody import f0_range, move_f0

    ranges = list(zip(config.f0_mean, config.f0_sd, strict=True))
    known = record.get("speaker") in config.speakers
    own = ranges[config.speakers.index(record["speaker"])] if known else f0_range(f0_hz, ranges[speaker][1])
    return move_f0(f0_hz, own, ranges[speaker])
