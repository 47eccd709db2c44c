"""su-train-encoder: recordings, without any labels, to an encoder."""

from dataclasses import replace

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
from units.cli.training_folder import corpora, opened, resume_option
from units.cli.training_log import Log
from units.training.encoder.config import AugmentConfig, PretrainingConfig

WIDTH, DEPTH, CONVOLUTION, SPAN = 256, 5, 15, 50
HEAD = 64  # channels of an attention head


@tool("su-train-encoder")
@records_argument("segments")
@output_option("Folder of the encoder", metavar="DIR", required=True)
@click.option(
    "--init", metavar="DIR|small", help="Start from this encoder and adapt it, instead of from scratch."
)
@resume_option
@click.option(
    "--alignments",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Phone alignments; if given, the log ends with scores of each layer.",
)
@click.option(
    "--width",
    type=click.IntRange(64, 4096),
    metavar="N",
    show_default=f"{WIDTH}, or as in --init",
    help=f"Channels of each layer, a multiple of {HEAD}.",
)
@click.option(
    "--depth",
    type=click.IntRange(1, 64),
    metavar="N",
    show_default=f"{DEPTH}, or as in --init",
    help="Number of transformer layers.",
)
@click.option(
    "--convolution",
    type=click.IntRange(0, 511),
    metavar="FRAMES",
    show_default=f"{CONVOLUTION}, or as in --init",
    help="Width of the convolution in each layer, an odd number; 0 means no convolution.",
)
@click.option(
    "--attention-span",
    type=click.IntRange(0, 100_000),
    metavar="FRAMES",
    show_default=f"{SPAN}, or as in --init",
    help="Number of frames before and after each frame that attention sees; 0 means all.",
)
@settings(PretrainingConfig)
@settings(AugmentConfig, into="augment")
@dtype_option
@seed_option
@device_option
def main(job, segments, output, init, resume, alignments, config, augment, dtype, seed, device, **shape):
    """Train an encoder to predict the clusters of masked frames; it needs neither text nor labels."""
    if (shape["width"] or WIDTH) % HEAD:
        raise click.UsageError(f"--width must be a multiple of {HEAD}, not {shape['width']}")
    if shape["convolution"] and shape["convolution"] % 2 == 0:
        raise click.UsageError(f"--convolution must be an odd number or 0, not {shape['convolution']}")
    from units.labels.alignments import read_all

    phones = read_all(alignments, on_fault=job.bad_label)
    records = list(job.records(segments))
    shape, network = _shape(init, **shape)
    target = config.target_layer or shape.default_layer
    if target > shape.layers:
        raise click.UsageError(f"--target-layer must be from 1 to {shape.layers}, the depth, not {target}")
    config = replace(config, augment=augment, seed=seed, target_layer=target)
    with opened(output, resume, "an encoder", "weights.safetensors") as begun:
        run = _prepare(job, records, output, shape, network, config, device, dtype)
        if begun:
            run.resume()
        with Log(output, begun, run.group.first) as log:
            run.run(log.write, log.progress)
            if phones and run.group.first:
                _score(run, records, phones, log)


def _shape(init, width, depth, convolution, attention_span):
    """Return the NetworkConfig, and the Network to start from or None."""
    from units.encoders.learned import SMALL, load_network
    from units.encoders.network import NetworkConfig

    if init:
        network = load_network(SMALL if init == "small" else init)
        _check_shape(init, network.config, width=width, layers=depth, conv_kernel=convolution)
        if attention_span is not None:
            network.config = replace(network.config, attention_span=attention_span)
        return network.config, network
    width, depth = width or WIDTH, depth or DEPTH
    return NetworkConfig(
        width=width,
        layers=depth,
        heads=width // HEAD,
        feedforward=3 * width,
        conv_kernel=CONVOLUTION if convolution is None else convolution,
        attention_span=SPAN if attention_span is None else attention_span,
        default_layer=round(0.6 * depth),
    ), None


def _check_shape(init, known, **wanted):
    """Raise UsageError if the options ask for another shape than that of the encoder to start from."""
    if any(value not in (None, getattr(known, name)) for name, value in wanted.items()):
        raise click.UsageError(
            f"{init} has --width {known.width} --depth {known.layers} --convolution {known.conv_kernel}, "
            "which --init keeps; leave these options out"
        )


def _prepare(job, records, output, shape, network, config, device, dtype):
    """Return the EncoderRun of records, split and decoded."""
    from units.devices import choose
    from units.training import distributed
    from units.training.encoder import corpus
    from units.training.encoder.training import EncoderRun
    from units.training.split import split_held_out

    group, device = distributed.join(choose(device))
    parts = split_held_out(records, config.held_out, config.seed)
    made = corpora(output, group, parts, lambda part, path: corpus.build(part, path, job.item))
    return EncoderRun(output, shape, config, *made, device, dtype, network, group)


def _score(run, records, phones, log):
    from units.training.encoder.scoring import score_layers

    for layer, figures in score_layers(run.average, records, phones, device=str(run.device)).items():
        log.write({"layer": layer, **figures})
