"""su-train-vocoder: records with units and their audio to a vocoder."""

import os
from dataclasses import replace

import click

from units.cli.options import device_option, output_option, records_argument, seed_option, settings
from units.cli.tool import say, tool
from units.cli.training_folder import corpora, opened, resume_option
from units.cli.training_log import Log
from units.codebook.same import SameCodebook, check_codebook
from units.records import InputError, require, warn
from units.training.vocoder.config import TrainingConfig, training_defaults
from units.vocoder.config import read_config, shape_defaults

ARCHITECTURES = ("v1", "v2", "fast")
USUAL = "v2"


def words_of(defaults, name):
    """Return the default of a setting in words, or None if it is the same for all architectures.

    defaults: a function from an architecture to its settings.
    """
    values = {arch: getattr(defaults(arch), name) for arch in ARCHITECTURES}
    words = {arch: f"{v:g}" if isinstance(v, float) else str(v) for arch, v in values.items()}
    others = {word: [arch for arch in words if words[arch] == word] for word in words.values()}
    del others[words[USUAL]]
    parts = [words[USUAL], *(f"{word} for {' and '.join(those)}" for word, those in others.items())]
    return ", or ".join(parts) if others else None


@tool("su-train-vocoder")
@records_argument("units")
@output_option("Folder of the vocoder", metavar="DIR", required=True)
@click.option(
    "--arch",
    type=click.Choice(ARCHITECTURES),
    show_default=f"{USUAL}, or as in --init",
    help="Architecture: v1 uses units alone; v2 units and F0; fast shapes pulses at F0 and noise.",
)
@click.option(
    "--width",
    type=click.IntRange(32, 2048),
    metavar="N",
    show_default=f"{words_of(shape_defaults, 'width')}, or as in --init",
    help="Channels after the first convolution, a multiple of 16.",
)
@click.option(
    "--init",
    metavar="DIR",
    help="Start from this vocoder, also one of another language, instead of from scratch.",
)
@resume_option
@settings(TrainingConfig, into="training", default_words=lambda name: words_of(training_defaults, name))
@click.option(
    "--dtype",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="auto",
    help="Precision of the networks; auto is bf16 if the device computes in it, else fp32. Choose fp16 "
    "only for a GPU without bf16.",
)
@seed_option
@device_option
def main(job, units, output, arch, width, init, resume, training, dtype, seed, device):
    """Train a vocoder to speak units, from recordings and their units."""
    if width is not None and width % 16:
        raise click.UsageError(f"--width must be a multiple of 16, not {width}")

    shape = _shape(init, arch, width)
    config = replace(training_defaults(shape.arch), **training, seed=seed)
    records = _read(job, units)
    with opened(output, resume, "a vocoder", "generator.safetensors") as begun:
        if begun:
            check_codebook(_codebook(records), read_config(output).codebook, f"the vocoder in {output}")
        run = _prepare(records, output, shape, init, config, device, dtype)
        if begun:
            run.resume()
        with Log(output, begun, run.group.first, shown="validation_log_mel") as log:
            run.run(log.write, log.progress, lambda text: say(job.name, text), log.listen)


def _shape(init, arch, width):
    """Return the VocoderConfig to build: that of the vocoder to start from, or that of the options."""
    if not init:
        shape = shape_defaults(arch or USUAL)
        return replace(shape, width=width or shape.width)
    from units.vocoder.model import read

    shape, _ = read(init)  # reads the weights too: a damaged vocoder is reported before anything is built
    if (arch or shape.arch, width or shape.width) != (shape.arch, shape.width):
        raise click.UsageError(
            f"{init} has --arch {shape.arch} --width {shape.width}, which --init keeps; "
            "leave these options out"
        )
    return shape


def _read(job, paths):
    """Return the records to train on, all of one codebook and one encoder."""
    from units.records import frame_units

    records, same = [], SameCodebook()
    for record in job.records(paths):
        with job.item(record):
            require(record, "id", "audio_filepath")
            if not frame_units(record):
                raise InputError("units is empty")
            same.check(record)
            if records and record.get("encoder") != records[0].get("encoder"):
                raise InputError("encoder is not that of the records before")
            records.append(record)
    if not records:
        raise InputError("there are no records to train on")
    same.report()
    return records


def _codebook(records):
    """Return the hash of the codebook of records, "" if none names it."""
    return next((record["codebook"] for record in records if record.get("codebook")), "")


def _prepare(records, output, shape, init, config, device, dtype):
    """Return the VocoderRun of records, split and decoded."""
    from units.devices import choose, choose_dtype
    from units.training import distributed
    from units.training.split import split_held_out
    from units.training.vocoder import dataset
    from units.training.vocoder.training import VocoderRun

    group, device = distributed.join(choose(device))
    parts = split_held_out(records, config.held_out, config.seed, keep_speakers=True)
    speakers = _speakers(records, parts[0])
    if group.first:
        _write_held_out(parts[1], output)
    made = corpora(output, group, parts, lambda part, path: dataset.build(part, speakers, path))
    shape = _complete(shape, records, speakers, made[0])
    return VocoderRun(output, shape, config, *made, device, choose_dtype(dtype, device), group, init)


def _speakers(records, training):
    """Return the names of the speakers that the vocoder learns, sorted."""
    named = {require(record, "speaker") for record in records if "speaker" in record}
    for record in records:
        if named and "speaker" not in record:
            raise InputError(f"{record.place}: speaker is missing, but other records have one")
    learned = {record["speaker"] for record in training if named}
    if unheard := sorted(named - learned):
        warn(
            f"the vocoder will not know {', '.join(unheard)}, whose only recording is held out "
            f"(and validated with the voice of {min(learned)})"
        )
    return sorted(learned)


def _write_held_out(records, output):
    from units.files.output import create
    from units.files.streams import write_record

    with create(os.path.join(output, "held-out.jsonl")) as out:
        for record in records:
            write_record(record, out)


def _complete(shape, records, speakers, corpus):
    """Return the VocoderConfig of these records: their units, codebook and speakers."""
    from units.training.vocoder.dataset import f0_statistics

    codebook = _codebook(records)
    count = 1 + max(max(record["units"]) for record in records)
    mean, spread = f0_statistics(corpus, len(speakers))
    return replace(
        shape,
        units=max(count, shape.units) if codebook and codebook == shape.codebook else count,
        codebook=codebook,
        encoder=records[0].get("encoder", ""),
        speakers=tuple(speakers),
        f0_mean=mean,
        f0_sd=spread,
    )
