"""How a vocoder is trained, as options; each architecture has defaults of its own."""

import dataclasses

import click

from units.vocoder.config import training_defaults

ARCHITECTURES = ("v1", "v2", "fast")
HELP = {
    "epochs": (click.IntRange(1), "Passes over the corpus."),
    "max_hours": (click.FloatRange(0), "End after so many hours; 0 is no limit."),
    "batch_size": (click.IntRange(1, 4096), "Crops a step, over all processes."),
    "segment_length": (click.IntRange(6400, 320000), "Samples of a crop; rounded down to whole units."),
    "patience": (click.IntRange(1), "Validations without a better one before the end."),
    "lr": (click.FloatRange(1e-7, 0.1), "The generator's learning rate."),
    "discriminator_lr": (click.FloatRange(1e-7, 0.1), "The discriminators'."),
    "warmup": (click.IntRange(0), "Steps over which either rises."),
    "decay": (click.FloatRange(0, 1), "Share of the run, its last, over which both fall."),
    "save_every": (click.IntRange(1), "Steps between validations and checkpoints."),
    "discriminators": (
        click.Choice(["mpd", "msd", "mrd", "mpd+msd", "mpd+mrd", "mpd+msd+mrd"]),
        "Multi-period, multi-scale, multi-resolution.",
    ),
    "discriminator_width": (click.FloatRange(0.05, 1), "Their channels, relative to HiFi-GAN's."),
    "discriminator_length": (click.IntRange(0, 320000), "Samples of a crop that they judge; 0 is all."),
    "adversarial_start": (
        click.FloatRange(0),
        "Step, or under 1 the share of the run, at which they join.",
    ),
    "adversarial": (click.Choice(["lsgan", "hinge"]), "What they are trained by."),
    "mel_weight": (click.FloatRange(0, 1000), "Weight of the log-mel loss."),
    "stft_weight": (click.FloatRange(0, 1000), "Of the multi-resolution STFT loss."),
    "feature_weight": (click.FloatRange(0, 1000), "Of feature matching."),
    "adversarial_weight": (click.FloatRange(0, 1000), "Of the adversarial loss."),
    "predictor_steps": (
        click.IntRange(1),
        "Steps that the F0 and duration predictors are trained for, first.",
    ),
    "held_out": (click.FloatRange(0.001, 0.9), "Share of the recordings that validation is done on."),
}


def training_options(function):
    """Add an option for each entry of HELP, its defaults from `training_defaults`."""
    for name, (kind, text) in reversed(HELP.items()):
        words = f"--{name.replace('_', '-')}"
        function = click.option(words, type=kind, help=f"{text}  [default: {_default(name)}]")(function)
    return function


def _default(name):
    """Return an option's default in words."""
    return in_words(lambda arch: getattr(training_defaults(arch), name))


def in_words(default):
    """Return what a function of the architecture says of each: one word where it is the same for all."""
    values = {arch: default(arch) for arch in ARCHITECTURES}
    words = {arch: f"{v:g}" if isinstance(v, float) else str(v) for arch, v in values.items()}
    if len(set(words.values())) == 1:
        return words["v2"]
    others = [f"{word} for {arch}" for arch, word in words.items() if word != words["v2"]]
    return ", ".join([words["v2"], *others])


def settings_of(arch, options):
    """Return the TrainingConfig of an architecture with those options that are not None."""
    given = {name: value for name, value in options.items() if value is not None}
    return dataclasses.replace(training_defaults(arch), **given)
