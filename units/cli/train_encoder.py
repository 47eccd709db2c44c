"""su-train-encoder: recordings, with no labels, to an encoder's directory."""

import os

import click

from units.cli.options import (
    device_option,
    dtype_option,
    output_option,
    records_argument,
    seed_option,
    settings,
)
from units.cli.tool import tool
from units.cli.training_log import Log, alone, can_resume, resume_option
from units.records import InputError
from units.training.encoder.config import AugmentConfig, PretrainingConfig, ShapeConfig


@tool("su-train-encoder")
@records_argument("segments")
@output_option("Directory of the encoder", metavar="DIR", required=True)
@click.option(
    "--init",
    metavar="ENCODER",
    help="Start from this encoder, a directory or small, and adapt it to these recordings.",
)
@resume_option
@click.option(
    "--alignments",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Phone alignments; if given, the layers are scored by them at the end.",
)
@settings(ShapeConfig, into="shape")
@settings(PretrainingConfig)
@settings(AugmentConfig, into="augment")
@dtype_option
@seed_option
@device_option
def main(job, segments, output, init, resume, alignments, shape, config, augment, dtype, seed, device):
    """Train an encoder to predict the clusters of masked frames, without text or labels."""
    from dataclasses import replace

    from units.labels.alignments import read_all

    phones = read_all(alignments, on_fault=job.bad_label)
    records = list(job.records(segments))
    network_config, network = _shape(init, shape)
    target = shape.target_layer or network_config.default_layer
    if target > network_config.layers:
        raise InputError(f"--target-layer {target}: the encoder has only {network_config.layers} layers")
    config = replace(config, augment=augment, target_layer=target, seed=seed)
    os.makedirs(output, exist_ok=True)
    with alone(output):
        resume = can_resume(output, resume, "an encoder")
        run = _prepare(job, records, output, network_config, network, config, device, dtype)
        if resume:
            run.resume()
        with Log(output, resume, run.group.first) as log:
            run.run(log.write, log.progress)
            if phones and run.group.first:
                _score(run, records, phones, log)


def _shape(init, wanted):
    """Return the NetworkConfig, and the Network to start from or None."""
    from dataclasses import replace

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
        heads=width // 64,
        feedforward=3 * width,
        conv_kernel=wanted.convolution or 15,
        attention_span=50 if wanted.attention_span is None else wanted.attention_span,
        default_layer=round(0.6 * depth),
    ), None


def _check_shape(init, known, wanted):
    """Raise UsageError if another shape is wanted than that of the encoder to start from."""
    pairs = {
        "--width": (wanted.width, known.width),
        "--depth": (wanted.depth, known.layers),
        "--convolution": (wanted.convolution, known.conv_kernel),
    }
    for name, (value, own) in pairs.items():
        if value not in (None, own):
            raise click.UsageError(f"{name} {value}: with --init {init} it must be {own}, as in that encoder")


def _prepare(job, records, output, shape, network, config, device, dtype):
    from units.devices import choose
    from units.training import distributed
    from units.training.encoder.corpus import build_corpus
    from units.training.encoder.training import Pretraining
    from units.training.split import split_held_out

    group, device = distributed.join(choose(device))
    parts = split_held_out(records, config.held_out, config.seed)
    os.makedirs(os.path.join(output, "cache"), exist_ok=True)
    paths = [os.path.join(output, "cache", name) for name in ("training", "held-out")]
    if group.first:
        for part, path in zip(parts, paths, strict=True):
            build_corpus(part, path, job.item)
    group.wait()
    corpora = [build_corpus(part, path) for part, path in zip(parts, paths, strict=True)]
    return Pretraining(output, shape, config, *corpora, device, dtype, network, group)


def _score(run, records, phones, log):
    from units.training.encoder.scoring import score

    for layer, figures in score(run.average, records, phones, device=str(run.device)).items():
        log.write({"layer": layer, **figures})
