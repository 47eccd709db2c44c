"""su-train-vocoder: records with units and their audio to a vocoder's directory."""

import dataclasses
import os

import click

from units.cli.options import device_option, records_argument, seed_option
from units.cli.tool import say, tool
from units.cli.training_log import Log, alone
from units.cli.vocoder_options import in_words, settings_of, training_options
from units.records import InputError, require, warn
from units.vocoder.config import VocoderConfig, read_config, shape_defaults

SHAPE = VocoderConfig()
WIDTHS = f"[default: {in_words(lambda arch: shape_defaults(arch).width)}]"


@tool("su-train-vocoder")
@records_argument("units")
@click.option("-o", "--output", metavar="DIR", required=True, help="The vocoder's directory.")
@click.option(
    "--arch",
    type=click.Choice(["v1", "v2", "fast"]),
    help="v1: units alone; v2: units and F0; fast: pulses at F0 and noise, shaped.  [default: v2]",
)
@click.option("--init", metavar="DIR", help="Start from this vocoder, of whatever language.")
@click.option("--resume", is_flag=True, help="Go on from the directory's last checkpoint.")
@click.option("--width", type=click.IntRange(32, 2048), help=f"Channels, a multiple of 16.  {WIDTHS}")
@training_options
@click.option(
    "--dtype", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", help="Precision."
)
@seed_option
@device_option
def main(job, units, output, arch, init, resume, width, **settings):
    """Train a vocoder to speak units, on their own recordings."""
    if width is not None and width % 16:
        raise click.UsageError("--width must be a multiple of 16")

    shape = _shape(init, arch, width)
    records = _read(job, units)
    os.makedirs(output, exist_ok=True)
    with alone(output):
        if not resume and os.path.exists(os.path.join(output, "checkpoint.safetensors")):
            raise InputError(f"{output}: holds a vocoder already; --resume goes on with it")
        if resume:
            _check_codebook(output, records[0].get("codebook", ""))
        run = _prepare(records, output, shape, init, settings)
        if resume:
            run.resume()
        with Log(output, resume, run.group.first, shown="validation_log_mel") as log:
            run.run(log.write, log.progress, lambda text: say(job.name, text), log.listen)


def _shape(init, arch, width):
    """Return the VocoderConfig to build by: that of the vocoder to start from, or of the options."""
    if not init:
        shape = shape_defaults(arch or SHAPE.arch)
        return dataclasses.replace(shape, width=width or shape.width)
    from units.vocoder.model import read

    shape, _ = read(init)  # its weights as well: no network is built of what a file merely claims
    if (arch or shape.arch, width or shape.width) != (shape.arch, shape.width):
        raise click.UsageError(
            f"{init} is {shape.arch} of width {shape.width}, and so will be what it begins"
        )
    return shape


def _check_codebook(folder, codebook):
    """Refuse to go on with a vocoder of another codebook: its units mean something else."""
    known = read_config(folder).codebook
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
            if records and record.get("encoder") != records[0].get("encoder"):
                raise InputError("units of another encoder than those before")
            records.append(record)
    if not records:
        raise InputError("no records to train on")
    return records


def _prepare(records, output, shape, init, options):
    from units.devices import choose, choose_dtype
    from units.training import distributed
    from units.training.split import split_held_out
    from units.training.vocoder import dataset
    from units.training.vocoder.training import Training

    group, device = distributed.join(choose(options.pop("device")))
    dtype = choose_dtype(options.pop("dtype"), device)
    settings = settings_of(shape.arch, options)
    parts = split_held_out(records, settings.held_out, settings.seed, keep_speakers=True)
    speakers = _speakers(records, parts[0])
    if group.first:
        _write_cache(parts, speakers, output)
    group.wait()
    corpora = [dataset.build(part, speakers, path) for part, path in zip(parts, _caches(output), strict=True)]
    config = _complete(shape, records, speakers, corpora[0])
    return Training(output, config, settings, *corpora, device, dtype, group, init)


def _speakers(records, training):
    """Return the names of those that the vocoder learns to speak as, sorted."""
    named = {require(record, "speaker") for record in records if "speaker" in record}
    for record in records:
        if named and "speaker" not in record:
            raise InputError(f'{record.place}: no "speaker", though other records have one')
    learned = {record["speaker"] for record in training if named}
    if unheard := sorted(named - learned):
        warn(
            f"no speakers of the vocoder: {', '.join(unheard)}, whose only recording is held out"
            f" (and measured with the voice of {min(learned)})"
        )
    return sorted(learned)


def _caches(output):
    return [os.path.join(output, "cache", name) for name in ("training", "held-out")]


def _write_cache(parts, speakers, output):
    from units.files.output import create
    from units.files.streams import write_record
    from units.training.vocoder import dataset

    with create(os.path.join(output, "held-out.jsonl")) as out:
        for record in parts[1]:
            write_record(record, out)
    os.makedirs(os.path.join(output, "cache"), exist_ok=True)
    for part, path in zip(parts, _caches(output), strict=True):
        dataset.build(part, speakers, path)


def _complete(shape, records, speakers, corpus):
    """Return the VocoderConfig of these records: their units, codebook and speakers."""
    from units.training.vocoder.dataset import f0_statistics

    codebook = records[0].get("codebook", "")
    count = 1 + max(max(record["units"]) for record in records)
    mean, spread = f0_statistics(corpus, len(speakers))
    return dataclasses.replace(
        shape,
        units=max(count, shape.units) if codebook and codebook == shape.codebook else count,
        codebook=codebook,
        encoder=records[0].get("encoder", ""),
        speakers=tuple(speakers),
        f0_mean=mean,
        f0_sd=spread,
    )
