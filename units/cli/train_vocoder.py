"""su-train-vocoder: records with units and their audio to a vocoder's directory."""

import dataclasses
import os

import click

from units.cli import device_option, records_argument, seed_option, tool
from units.cli.training_log import Log
from units.records import InputError, require
from units.vocoder.config import TrainingConfig, VocoderConfig

DEFAULT, SHAPE = TrainingConfig(), VocoderConfig()
HELP = {
    "epochs": (click.IntRange(1), "Passes over the corpus."),
    "max_hours": (click.FloatRange(0), "End after so many hours; 0 is no limit."),
    "batch_size": (click.IntRange(1, 4096), "Crops a step."),
    "segment_length": (click.IntRange(6400, 320000), "Samples of a crop; rounded down to whole units."),
    "patience": (click.IntRange(1), "Validations without a better one before the end."),
    "lr": (click.FloatRange(1e-7, 0.1), "Learning rate."),
    "save_every": (click.IntRange(1), "Steps between validations and checkpoints."),
    "adversarial_start": (click.IntRange(0), "Step at which the discriminators join."),
    "discriminator_width": (click.FloatRange(0.05, 1), "Their channels, relative to HiFi-GAN's."),
    "predictor_steps": (
        click.IntRange(1),
        "Steps that the F0 and duration predictors are trained for, first.",
    ),
    "held_out": (click.FloatRange(0.001, 0.9), "Share of the recordings that validation is done on."),
}


def training_options(function):
    """Add an option for each entry of HELP, its default from TrainingConfig."""
    for name, (kind, text) in reversed(HELP.items()):
        option = click.option(
            f"--{name.replace('_', '-')}", type=kind, default=getattr(DEFAULT, name), help=text
        )
        function = option(function)
    return function


@tool("su-train-vocoder")
@records_argument("units")
@click.option("-o", "--output", metavar="DIR", required=True, help="The vocoder's directory.")
@click.option(
    "--arch",
    type=click.Choice(["v1", "v2", "fast"]),
    default=SHAPE.arch,
    help="v1: units alone; v2: units and F0; fast: pulses at F0 and noise, shaped.",
)
@click.option("--resume", is_flag=True, help="Go on from the directory's last checkpoint.")
@click.option(
    "--width", type=click.IntRange(32, 2048), default=SHAPE.width, help="Channels, a multiple of 16."
)
@training_options
@seed_option
@device_option
def main(job, units, output, arch, resume, width, device, **settings):
    """Train a vocoder to speak units, on their own recordings."""
    if width % 16:
        raise click.UsageError("--width must be a multiple of 16")

    settings = TrainingConfig(**settings)
    records = _read(job, units)
    os.makedirs(output, exist_ok=True)
    if not resume and os.path.exists(os.path.join(output, "checkpoint.safetensors")):
        raise InputError(f"{output}: holds a vocoder already; --resume goes on with it")
    if resume:
        _check_codebook(output, records[0].get("codebook", ""))
    run = _prepare(records, output, VocoderConfig(arch=arch, width=width), settings, device)
    if resume:
        run.resume()
    with Log(output, resume, shown="validation_log_mel") as log:
        run.run(log.write, log.progress)


def _check_codebook(folder, codebook):
    """Refuse to go on with a vocoder of another codebook: its units mean something else."""
    from units.vocoder.config import from_json

    path = os.path.join(folder, "config.json")
    with open(path, encoding="utf-8") as file:
        known = from_json(file.read(), path).codebook
    if known != codebook:
        raise InputError(
            f"{folder}: speaks units of codebook {known or 'unknown'}, not {codebook or 'unknown'}"
        )


def _read(job, paths):
    from units.records import frame_units

    records = []
    for record in job.records(paths):
        with job.item(record):
            require(record, "id", "audio_filepath")
            if not frame_units(record):
                raise InputError("no units in it")
            if records and record.get("codebook") != records[0].get("codebook"):
                raise InputError("units of another codebook than those before")
            records.append(record)
    if not records:
        raise InputError("no records to train on")
    return records


def _prepare(records, output, config, settings, device):
    from units.devices import choose
    from units.streams import create, write_record
    from units.vocoder import dataset
    from units.vocoder.training import Training

    speakers = sorted({require(r, "speaker") for r in records if "speaker" in r})
    for record in records:
        if speakers and "speaker" not in record:
            raise InputError(f'{record.place}: no "speaker", though other records have one')
    training, held_out = dataset.split_held_out(records, settings.held_out, settings.seed)
    with create(os.path.join(output, "held-out.jsonl")) as out:
        for record in held_out:
            write_record(record, out)
    cache = os.path.join(output, "cache")
    os.makedirs(cache, exist_ok=True)
    corpus = dataset.build(training, speakers, os.path.join(cache, "training"))
    mean, spread = dataset.f0_statistics(corpus, len(speakers))
    config = dataclasses.replace(
        config,
        units=1 + max(max(record["units"]) for record in records),
        codebook=records[0].get("codebook", ""),
        encoder=records[0].get("encoder", ""),
        speakers=tuple(speakers),
        f0_mean=mean,
        f0_sd=spread,
    )
    kept = dataset.build(held_out, speakers, os.path.join(cache, "held-out"))
    return Training(output, config, settings, corpus, kept, choose(device))
