"""How a vocoder is trained. What it is, is in units/vocoder/config.py."""

from dataclasses import dataclass, replace

from units.settings import setting

ARCHITECTURES = ("v1", "v2", "fast")
_SETS = ("mpd", "msd", "mrd", "mpd+msd", "mpd+mrd", "mpd+msd+mrd")


@dataclass(frozen=True)
class TrainingConfig:
    """The training of a vocoder.

    These defaults are v2's; `training_defaults` gives each architecture's own.
    """

    epochs: int = setting(1000, "Stop after this many passes over the corpus.", low=1)
    max_hours: float = setting(0.0, "Stop after this time; 0 is no limit.", unit="hours", low=0)
    batch_size: int = setting(12, "Number of crops per step, over all processes.", low=1, high=4096)
    crop_seconds: float = setting(
        2.0, "Length of a crop, rounded down to complete units.", unit="s", low=0.4, high=20
    )
    patience: int = setting(100, "Stop after this many validations without improvement.", low=1)
    lr: float = setting(2e-4, "Learning rate of the generator.", low=1e-7, high=0.1)
    discriminator_lr: float = setting(2e-4, "Learning rate of the discriminators.", low=1e-7, high=0.1)
    lr_decay: float = 0.999  # factor of both learning rates per epoch
    warmup: int = setting(100, "Steps over which the learning rates rise at first.", unit="steps", low=0)
    decay: float = setting(
        0.2, "Last part of the run, as a fraction of it, over which the learning rates fall.", low=0, high=1
    )
    save_every: int = setting(500, "Steps between validations and checkpoints.", unit="steps", low=1)
    discriminators: str = setting(
        "mpd+msd",
        "Discriminators: multi-period (mpd), multi-scale (msd), multi-resolution (mrd), or several.",
        choices=_SETS,
    )
    discriminator_width: float = setting(
        1.0, "Number of channels of the discriminators, relative to HiFi-GAN's.", low=0.05, high=1
    )
    discriminator_seconds: float = setting(
        0.0,
        "Length of the part of each crop that the discriminators see; 0 is all.",
        unit="s",
        low=0,
        high=20,
    )
    adversarial_start: float = setting(
        0.0, "When the discriminators start: a step or, if below 1, a fraction of the run.", low=0
    )
    adversarial: str = setting("lsgan", "Adversarial loss.", choices=("lsgan", "hinge"))
    mel_weight: float = setting(45.0, "Weight of the log-mel loss.", low=0, high=1000)
    stft_weight: float = setting(2.0, "Weight of the multi-resolution STFT loss.", low=0, high=1000)
    feature_weight: float = setting(2.0, "Weight of the feature matching loss.", low=0, high=1000)
    adversarial_weight: float = setting(1.0, "Weight of the adversarial loss.", low=0, high=1000)
    held_out: float = setting(
        0.05, "Fraction of the recordings to hold out for validation.", low=0.001, high=0.9
    )
    ema: float = 0.999  # decay of the averaged weights
    predictor_steps: int = setting(
        1200, "Steps of training of the F0 and duration predictors, which come first.", unit="steps", low=1
    )
    seed: int = 0


_OWN = {
    "v1": {
        "crop_seconds": 1.0,
        "discriminators": "msd",
        "stft_weight": 0.0,
        "feature_weight": 0.0,
    },
    "fast": {
        "batch_size": 8,
        "crop_seconds": 1.0,
        "lr": 1e-3,
        "discriminators": "mpd+mrd",
        "discriminator_width": 0.25,
        "discriminator_seconds": 0.5,
        "adversarial_start": 100000.0,  # before that they cost more than they teach
        "adversarial": "hinge",
    },
}


def training_defaults(arch):
    """Return the default TrainingConfig of an architecture."""
    return replace(TrainingConfig(), **_OWN.get(arch, {}))
