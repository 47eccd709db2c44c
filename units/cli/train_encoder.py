"""su-train-encoder: recordings to an encoder."""

from dataclasses import replace

import click

from units.cli import processes
from units.cli.options import (
    device_option,
    dtype_option,
    output_option,
    records_argument,
    seed_option,
    settings,
)
from units.cli.tool import tool
from units.cli.training_folder import corpora, opened, resume_option
from units.cli.training_log import Log
from units.training.encoder.config import AugmentConfig, PretrainingConfig, ShapeConfig

HEAD = 64  # channels of an attention head


@tool("su-train-encoder", together=True)
@records_argument("segments")
@output_option("Folder of the encoder", metavar="DIR", required=True)
@click.option("--init", metavar="ENCODER", help="Start from this encoder, a folder or small, and adapt it.")
@resume_option
@click.option(
    "--alignments",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Phone alignments; if given, the log ends with scores of each layer.",
)
@click.option(
    "--targets",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Labels of frames to learn in addition: records with units, or phone alignments.",
)
@click.option(
    "--pairs",
    type=click.Path(),
    multiple=True,
    metavar="TERMS",
    help="Terms of su-discover for --objective swapped: pairs of occurrences are such sounds.",
)
@settings(ShapeConfig, into="shape")
@settings(PretrainingConfig)
@settings(AugmentConfig, into="augment")
@dtype_option
@seed_option
@device_option
def main(
    job,
    segments,
    output,
    init,
    resume,
    alignments,
    targets,
    pairs,
    shape,
    config,
    augment,
    dtype,
    seed,
    device,
):
    """Train an encoder from recordings alone; labels of frames can help."""
    if shape.convolution and shape.convolution % 2 == 0:
        raise click.UsageError(f"--convolution must be an odd number or 0, not {shape.convolution}")
    from units.labels.alignments import read_alignment_files
    from units.training.encoder.labels import read_labels

    processes.check_shared(segments)
    phones = read_alignment_files(alignments, on_fault=job.bad_label)
    records = list(job.records(segments))
    shape, network = _shape(init, shape)
    target = config.target_layer or shape.default_layer
    if target > shape.layers:
        raise click.UsageError(f"--target-layer must be from 1 to {shape.layers}, the depth, not {target}")
    _check_objective(config, shape, init, targets, pairs)
    labels = read_labels(targets, on_fault=job.bad_label) if targets else None
    config = replace(config, augment=augment, seed=seed, target_layer=target)
    if config.objective == "swapped":
        config = replace(config, rounds=0)
    with opened(output, resume, "an encoder", "weights.safetensors") as begun:
        run = _prepare(job, records, output, shape, network, config, labels, pairs, device, dtype)
        if begun:
            run.resume()
        with Log(output, begun, run.group.first) as log:
            run.run(log.write, log.progress)
            if phones and run.group.first:
                _score(run, records, phones, log)


def _check_objective(config, shape, init, targets, pairs):
    """Raise UsageError if options do not go together."""
    if config.online_layers > shape.layers:
        raise click.UsageError(
            f"--online-layers must be at most {shape.layers}, the depth, not {config.online_layers}"
        )
    swapped = config.objective == "swapped"
    if swapped and (config.online_layers or targets):
        raise click.UsageError("--objective swapped has neither --online-layers nor --targets")
    if swapped and not init:
        raise click.UsageError("--objective swapped needs --init: it only refines an encoder")
    if pairs and not swapped:
        raise click.UsageError("--pairs needs --objective swapped")
    if not (swapped or config.rounds or config.online_layers or targets):
        raise click.UsageError("--rounds 0 needs --online-layers or --targets: there is nothing to learn")


def _shape(init, wanted):
    """Return the NetworkConfig, and the Network to start from or None."""
    from units.encoders.learned import SMALL, load_network
    from units.encoders.network import NetworkConfig

    if init:
        network = load_network(SMALL if init == "small" else init)
        _check_shape(init, network.config, wanted)
        if wanted.attention_span is not None:
            network.config = replace(network.config, attention_span=wanted.attention_span)
        return network.config, network
    width, depth = wanted.width or 256, wanted.depth or 5
    return NetworkConfig(
        width=width,
        layers=depth,
        heads=width // HEAD,
        feedforward=3 * width,
        conv_kernel=15 if wanted.convolution is None else wanted.convolution,
        attention_span=50 if wanted.attention_span is None else wanted.attention_span,
        default_layer=round(0.6 * depth),
    ), None


def _check_shape(init, known, wanted):
    """Raise UsageError if the options ask for another shape than that of the encoder to start from."""
    pairs = {
        "--width": (wanted.width, known.width),
        "--depth": (wanted.depth, known.layers),
        "--convolution": (wanted.convolution, known.conv_kernel),
    }
    for name, (value, own) in pairs.items():
        if value not in (None, own):
            raise click.UsageError(f"{name} {value}: with --init {init} it must be {own}, as in that encoder")


def _prepare(job, records, output, shape, network, config, labels, pairs, device, dtype):
    """Return the EncoderRun of records, split and decoded."""
    from units.devices import choose, choose_dtype, place_of, prepare_training
    from units.training import distributed
    from units.training.encoder.corpus import build_corpus
    from units.training.encoder.training import EncoderRun
    from units.training.split import split_held_out

    processes.part()
    group, device = distributed.join(choose(device))
    prepare_training(device, choose_dtype(dtype, device))
    if group.first:
        job.log(f"computing on {place_of(device, choose_dtype(dtype, device))}")
    parts = split_held_out(records, config.held_out, config.seed)
    made = corpora(output, group, parts, lambda part, path: build_corpus(part, path, job.item, labels))
    if pairs:
        from units.encoders.learned import Learned
        from units.training.encoder.pairs import read_pairs

        pairs = read_pairs(pairs, made[0], Learned(network, "", None, "cpu", "fp32").encode, config.seed)
    count = len(labels.names) if labels else 0
    return EncoderRun(output, shape, config, *made, device, dtype, network, group, count, pairs or None)


def _score(run, records, phones, log):
    from units.training.encoder.scoring import score_layers

    for layer, figures in score_layers(run.average, records, phones, device=str(run.device)).items():
        log.write({"layer": layer, **figures})
