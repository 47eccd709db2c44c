"""su-train-vocoder: records with units and their audio to a vocoder."""

import os
from dataclasses import replace

import click

from units.cli import processes
from units.cli.messages import say
from units.cli.options import (
    device_option,
    dtype_option_with,
    output_option,
    records_argument,
    seed_option,
    settings,
)
from units.cli.tool import tool
from units.cli.training_folder import corpora, opened, resume_option
from units.cli.training_log import Log
from units.codebook.same import SameCodebook, check_codebook
from units.records import InputError, require, warn
from units.training.vocoder.config import ARCHITECTURES, TrainingConfig, training_defaults
from units.vocoder.config import VocoderConfig, read_vocoder_config, shape_defaults

USUAL = VocoderConfig.arch


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


def shape_words(name):
    """Return the default of a setting of VocoderConfig in words."""
    own = USUAL if name == "arch" else words_of(shape_defaults, name)
    return f"{own}, or as in --init"


@tool("su-train-vocoder", together=True)
@records_argument("units")
@output_option("Folder of the vocoder", metavar="DIR", required=True)
@settings(VocoderConfig, into="shape", only=("arch", "width"), default_words=shape_words)
@click.option("--init", metavar="VOCODER", help="Start from this vocoder, which may be of another language.")
@resume_option
@settings(TrainingConfig, into="training", default_words=lambda name: words_of(training_defaults, name))
@dtype_option_with("fp16")
@seed_option
@device_option
def main(job, units, output, shape, init, resume, training, dtype, seed, device):
    """Train a vocoder to speak units, from recordings and their units."""
    shape = _shape(init, shape)
    config = replace(training_defaults(shape.arch), **training, seed=seed)
    processes.check_shared(units)
    records = _read(job, units)
    with opened(output, resume, "a vocoder", "generator.safetensors") as begun:
        if begun:
            check_codebook(
                _codebook(records), read_vocoder_config(output).codebook, f"the vocoder in {output}"
            )
        run = _prepare(job, records, output, shape, init, config, device, dtype)
        if begun:
            run.resume()
        with Log(output, begun, run.group.first, shown="validation_log_mel") as log:
            run.run(log.write, log.progress, lambda text: say(job.name, text), log.listen)


def _shape(init, wanted):
    """Return the VocoderConfig to build: that of the vocoder to start from, or that of the options.

    wanted: {name: value} of the options that were given.
    """
    if not init:
        return replace(shape_defaults(wanted.get("arch", USUAL)), **wanted)
    from units.vocoder.model import read_vocoder

    shape, _ = read_vocoder(init)  # checks the weights too, before any network is built
    for name, value in wanted.items():
        if value != (own := getattr(shape, name)):
            raise click.UsageError(
                f"--{name} {value}: with --init {init} it must be {own}, as in that vocoder"
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
                raise InputError("encoder differs from that of earlier records")
            records.append(record)
    if not records:
        raise InputError("no records to train on")
    same.report()
    return records


def _codebook(records):
    """Return the hash of the codebook of records, "" if none names it."""
    return next((record["codebook"] for record in records if record.get("codebook")), "")


def _prepare(job, records, output, shape, init, config, device, dtype):
    """Return the VocoderRun of records, split and decoded."""
    from units.devices import choose, choose_dtype, place_of, prepare_training
    from units.training import distributed
    from units.training.split import split_held_out
    from units.training.vocoder import dataset
    from units.training.vocoder.training import VocoderRun

    processes.part()
    group, device = distributed.join(choose(device))
    dtype = choose_dtype(dtype, device)
    prepare_training(device, dtype)
    if group.first:
        job.log(f"computing on {place_of(device, dtype)}")
    parts = split_held_out(records, config.held_out, config.seed, keep_speakers=True)
    speakers = _speakers(records, parts[0])
    if group.first:
        _write_held_out(parts[1], output)
    made = corpora(output, group, parts, lambda part, path: dataset.build_corpus(part, speakers, path))
    shape = _complete(shape, records, speakers, made[0])
    return VocoderRun(output, shape, config, *made, device, dtype, group, init)


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
    from units.codebook.codebook import shared_units
    from units.training.vocoder.dataset import f0_statistics

    codebook = _codebook(records)
    count = max(1 + max(max(record["units"]) for record in records), shared_units(codebook))
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
