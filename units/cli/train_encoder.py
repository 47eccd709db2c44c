"""su-train-encoder: recordings, with no labels, to an encoder's directory."""

import os

import click

from units.cli.options import device_option, records_argument, seed_option
from units.cli.tool import tool
from units.cli.training_log import Log, alone
from units.records import InputError
from units.training.encoder.config import AugmentConfig, PretrainingConfig

DEFAULT, AUGMENT = PretrainingConfig(), AugmentConfig()
WIDTH, LAYERS, CONVOLUTION, SPAN = 256, 5, 15, 50
TRAINING = {
    "steps": (click.IntRange(1), "Steps of all rounds together."),
    "max_hours": (click.FloatRange(0), "End after so many hours; 0 is no limit."),
    "rounds": (click.IntRange(1, 20), "Times that targets are made."),
    "batch_seconds": (click.FloatRange(2, 36000), "Audio of a step, over all processes."),
    "crop_seconds": (click.FloatRange(0.5, 60), "Audio of a crop."),
    "lr": (click.FloatRange(1e-7, 0.1), "Learning rate."),
    "warmup": (click.IntRange(0), "Steps, in each round, over which it rises."),
    "decay": (click.FloatRange(0, 1), "Share of the run, its last, over which it falls."),
    "held_out": (click.FloatRange(0.001, 0.9), "Share of the recordings that are only measured on."),
    "save_every": (click.IntRange(1), "Steps between checkpoints."),
}
CHANGES = {
    "speed": (click.FloatRange(0, 0.5), "Most that a crop runs faster or slower."),
    "pitch": (click.FloatRange(0, 0.5), "Most that its pitch alone is moved."),
    "formants": (click.FloatRange(0, 0.3), "Most that its spectrum is stretched."),
    "noise": (click.FloatRange(0, 1), "Share of crops with noise, or another crop, under them."),
}


class Numbers(click.ParamType):
    """Whole numbers with commas between."""

    name = "numbers"

    def convert(self, value, param, ctx):
        """Return them as a tuple, each of 2 to 20,000."""
        if isinstance(value, tuple):
            return value
        parts = value.split(",")
        if not all(part.isdecimal() and 2 <= int(part) <= 20000 for part in parts):
            self.fail(f"{value!r} is not numbers of 2 to 20000 with commas between.", param, ctx)
        return tuple(map(int, parts))


def options_of(table, defaults):
    """Return the decorator that adds an option for each entry of a table."""

    def decorate(function):
        for name, (kind, text) in reversed(table.items()):
            words = f"--{name.replace('_', '-')}"
            function = click.option(words, type=kind, default=getattr(defaults, name), help=text)(function)
        return function

    return decorate


@tool("su-train-encoder")
@records_argument("segments")
@click.option("-o", "--output", metavar="DIR", required=True, help="The encoder's directory.")
@click.option("--init", metavar="DIR|small", help="Start from this encoder, and adapt it.")
@click.option("--resume", is_flag=True, help="Go on from the directory's last checkpoint.")
@click.option(
    "--alignments", type=click.Path(), multiple=True, metavar="FILE", help="Phones, to score the layers by."
)
@click.option(
    "--width",
    type=click.IntRange(64, 4096),
    help=f"Of the layers, a multiple of 64.  [default: {WIDTH}, or as --init has it]",
)
@click.option(
    "--layers",
    type=click.IntRange(1, 64),
    help=f"How many there are.  [default: {LAYERS}, or as --init has it]",
)
@click.option(
    "--convolution",
    type=click.IntRange(0, 511),
    help=f"Frames of each layer's own; 0 is none.  [default: {CONVOLUTION}, or as --init has it]",
)
@click.option(
    "--attention-span",
    type=click.IntRange(0, 100_000),
    metavar="FRAMES",
    help="Frames before and after that attention sees; 0 is all.  [default: 50, or as --init has it]",
)
@click.option(
    "--target-layer", type=click.IntRange(1), help="Clustered in later rounds.  [default: the middle]"
)
@click.option(
    "--clusters",
    type=Numbers(),
    default=",".join(map(str, DEFAULT.clusters)),
    metavar="N,...",
    help="Targets of each round, the last for all after it.",
)
@options_of(TRAINING, DEFAULT)
@options_of(CHANGES, AUGMENT)
@click.option("--dtype", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", help="Precision.")
@seed_option
@device_option
def main(job, segments, output, init, resume, alignments, target_layer, **settings):
    """Train an encoder to guess the clusters of frames that it cannot see; no text, no labels."""
    shape = {name: settings.pop(name) for name in ("width", "layers", "convolution", "attention_span")}
    width, convolution = shape["width"] or WIDTH, shape["convolution"] or CONVOLUTION
    if width % 64 or convolution % 2 == 0:
        raise click.UsageError("--width must be a multiple of 64, --convolution an odd number")
    from units.labels.alignments import read_all

    phones = read_all(alignments, on_fault=job.bad_label)
    records = list(job.records(segments))
    shape, network = _shape(init, **shape)
    os.makedirs(output, exist_ok=True)
    with alone(output):
        if not resume and os.path.exists(os.path.join(output, "checkpoint.safetensors")):
            raise InputError(f"{output}: holds an encoder already; --resume goes on with it")
        run = _prepare(job, records, output, shape, network, target_layer, settings)
        if resume:
            run.resume()
        with Log(output, resume, run.group.first) as log:
            run.run(log.write, log.progress)
            if phones and run.group.first:
                _score(run, records, phones, log)


def _shape(init, width, layers, convolution, attention_span):
    """Return the NetworkConfig, and the Network to start from or None."""
    from dataclasses import replace

    from units.encoders.learned import SMALL, load_network
    from units.encoders.network import NetworkConfig

    if init:
        network = load_network(SMALL if init == "small" else init)
        _check_shape(init, network.config, width=width, layers=layers, conv_kernel=convolution)
        if attention_span is not None:
            network.config = replace(network.config, attention_span=attention_span)
        return network.config, network
    width, layers = width or WIDTH, layers or LAYERS
    convolution = CONVOLUTION if convolution is None else convolution
    middle = round(0.6 * layers)
    heads, inner = width // 64, 3 * width
    return NetworkConfig(
        width=width,
        layers=layers,
        heads=heads,
        feedforward=inner,
        conv_kernel=convolution,
        attention_span=SPAN if attention_span is None else attention_span,
        default_layer=middle,
    ), None


def _check_shape(init, known, **wanted):
    """Refuse a shape other than that of the encoder to start from, which would not be heeded."""
    if any(value not in (None, getattr(known, name)) for name, value in wanted.items()):
        raise click.UsageError(
            f"{init} has --width {known.width} --layers {known.layers} --convolution {known.conv_kernel}, "
            "and so will what it begins"
        )


def _prepare(job, records, output, shape, network, target_layer, settings):
    from units.devices import choose
    from units.training import distributed
    from units.training.encoder import corpus
    from units.training.encoder.training import Pretraining
    from units.training.split import split_held_out

    group, device = distributed.join(choose(settings.pop("device")))
    dtype = settings.pop("dtype")
    augment = AugmentConfig(**{name: settings.pop(name) for name in CHANGES})
    target = target_layer or shape.default_layer
    if target > shape.layers:
        raise InputError(f"there are {shape.layers} layers, none of number {target}")
    config = PretrainingConfig(**settings, augment=augment, target_layer=target)
    parts = split_held_out(records, config.held_out, config.seed)
    os.makedirs(os.path.join(output, "cache"), exist_ok=True)
    paths = [os.path.join(output, "cache", name) for name in ("training", "held-out")]
    if group.first:
        for part, path in zip(parts, paths, strict=True):
            corpus.build(part, path, job.item)
    group.wait()
    corpora = [corpus.build(part, path) for part, path in zip(parts, paths, strict=True)]
    return Pretraining(output, shape, config, *corpora, device, dtype, network, group)


def _score(run, records, phones, log):
    from units.training.encoder.scoring import score

    for layer, figures in score(run.average, records, phones, device=str(run.device)).items():
        log.write({"layer": layer, **figures})
