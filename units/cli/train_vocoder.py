"""su-train-vocoder: records with units and their audio to a vocoder's directory."""

import dataclasses
import os

import click

from units.cli.options import (
    device_option,
    dtype_option_with,
    output_option,
    records_argument,
    seed_option,
    settings,
)
from units.cli.tool import say, tool
from units.cli.training_log import Log, alone, can_resume, resume_option
from units.records import InputError, require, warn
from units.training.vocoder.config import ARCHITECTURES, TrainingConfig, training_defaults
from units.vocoder.config import VocoderConfig, read_vocoder_config, shape_defaults


def in_words(name):
    """Return the default of a setting per architecture in words, one word if it is the same for all."""
    of = training_defaults if hasattr(TrainingConfig(), name) else shape_defaults
    values = {arch: getattr(of(arch), name) for arch in ARCHITECTURES}
    words = {arch: f"{v:g}" if isinstance(v, float) else str(v) for arch, v in values.items()}
    if len(set(words.values())) == 1:
        return words["v2"]
    others = [f"{word} for {arch}" for arch, word in words.items() if word != words["v2"]]
    return ", ".join([words["v2"], *others])


@tool("su-train-vocoder")
@records_argument("units")
@output_option("Directory of the vocoder", metavar="DIR", required=True)
@settings(VocoderConfig, into="shape", only=("arch", "width"), default_words=in_words)
@click.option("--init", metavar="VOCODER", help="Start from this vocoder, which may be of another language.")
@resume_option
@settings(TrainingConfig, default_words=in_words)
@dtype_option_with("fp16")
@seed_option
@device_option
def main(job, units, output, init, resume, shape, config, dtype, seed, device):
    """Train a vocoder to speak units, on the recordings that they come from."""
    shape = _shape(init, shape)
    config = dataclasses.replace(training_defaults(shape.arch), **config, seed=seed)
    records = _read(job, units)
    os.makedirs(output, exist_ok=True)
    with alone(output):
        resume = can_resume(output, resume, "a vocoder")
        if resume:
            _check_codebook(output, records[0].get("codebook", ""))
        run = _prepare(records, output, shape, init, config, device, dtype)
        if resume:
            run.resume()
        with Log(output, resume, run.group.first, shown="validation_log_mel") as log:
            run.run(log.write, log.progress, lambda text: say(job.name, text), log.listen)


def _shape(init, wanted):
    """Return the VocoderConfig to build: that of the vocoder to start from, or of the options."""
    if not init:
        shape = shape_defaults(wanted.get("arch", VocoderConfig.arch))
        return dataclasses.replace(shape, **wanted)
    from units.vocoder.model import read_vocoder

    shape, _ = read_vocoder(init)  # its weights are checked too, before any network is built
    for name, value in wanted.items():
        if value != getattr(shape, name):
            own = getattr(shape, name)
            raise click.UsageError(
                f"--{name} {value}: with --init {init} it must be {own}, as in that vocoder"
            )
    return shape


def _check_codebook(folder, codebook):
    """Raise InputError for a vocoder of another codebook, whose units have other meanings."""
    from units.codebook.same import check_codebook

    if os.path.exists(os.path.join(folder, "config.json")):
        check_codebook(codebook, read_vocoder_config(folder).codebook, f"the vocoder in {folder}")


def _read(job, paths):
    from units.records import frame_units

    records = []
    for record in job.records(paths):
        with job.item(record):
            require(record, "id", "audio_filepath")
            if not frame_units(record):
                raise InputError("no units")
            if records and record.get("codebook") != records[0].get("codebook"):
                raise InputError("these units have another codebook than those of earlier records")
            if records and record.get("encoder") != records[0].get("encoder"):
                raise InputError("these units come from another encoder than those of earlier records")
            records.append(record)
    if not records:
        raise InputError("no records to train on")
    return records


def _prepare(records, output, shape, init, config, device, dtype):
    from units.devices import choose, choose_dtype
    from units.training import distributed
    from units.training.split import split_held_out
    from units.training.vocoder import dataset
    from units.training.vocoder.training import Training

    group, device = distributed.join(choose(device))
    dtype = choose_dtype(dtype, device)
    parts = split_held_out(records, config.held_out, config.seed, keep_speakers=True)
    speakers = _speakers(records, parts[0])
    if group.first:
        _write_cache(parts, speakers, output)
    group.wait()
    corpora = [
        dataset.build_corpus(part, speakers, path) for part, path in zip(parts, _caches(output), strict=True)
    ]
    shape = _complete(shape, records, speakers, corpora[0])
    return Training(output, shape, config, *corpora, device, dtype, group, init)


def _speakers(records, training):
    """Return the sorted names of the speakers that the vocoder learns."""
    named = {require(record, "speaker") for record in records if "speaker" in record}
    for record in records:
        if named and "speaker" not in record:
            raise InputError(f'{record.place}: no "speaker", though other records have one')
    learned = {record["speaker"] for record in training if named}
    if unheard := sorted(named - learned):
        warn(
            f"the vocoder does not learn {', '.join(unheard)}, whose only recording is held out"
            f" (it is measured with the voice of {min(learned)})"
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
        dataset.build_corpus(part, speakers, path)


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
