"""The settings that every training run has; encoder/config.py and vocoder/config.py add their own."""

from dataclasses import MISSING, dataclass, field, fields, replace

from units.settings import setting


@dataclass(frozen=True)
class RunConfig:
    """How long a run lasts, how fast it learns and how often it is measured and saved."""

    max_hours: float = setting(
        0.0, "Stop after this many hours of training; 0 means no limit.", unit="hours", low=0
    )
    crop_seconds: float = setting(
        4.0, "Length of a training crop, rounded to whole frames.", unit="s", low=0.4, high=60
    )
    lr: float = setting(2e-3, "Learning rate.", low=1e-7, high=0.1)
    warmup: int = setting(100, "Steps over which the learning rate rises at the start.", unit="steps", low=0)
    decay: float = setting(
        0.2,
        "Fraction of the run, at its end, over which the learning rate falls to a hundredth.",
        low=0,
        high=1,
    )
    held_out: float = setting(
        0.05, "Fraction of the recordings to hold out for validation.", low=0.001, high=0.9
    )
    save_every: int = setting(
        500,
        "Steps between checkpoints; each comes with a validation. On a GPU they are at least a minute apart.",
        unit="steps",
        low=1,
    )
    ema: float = 0.999  # decay per step of the averaged weights
    seed: int = 0


def changed(config, name, default=MISSING, **rules):
    """Return the field of a setting of a dataclass with another default, and with other rules if given.

    >>> changed(RunConfig, "lr", 1e-4).metadata["setting"].help
    'Learning rate.'
    """
    known = next(each for each in fields(config) if each.name == name)
    new = replace(known.metadata["setting"], **rules)
    return field(default=known.default if default is MISSING else default, metadata={"setting": new})
