"""How a vocoder is trained; units.vocoder.config has the settings of the networks themselves."""

from dataclasses import dataclass, replace

from units.settings import setting
from units.training.config import RunConfig, changed

ARCHITECTURES = ("v1", "v2", "fast")
DISCRIMINATORS = ("mpd", "msd", "mrd", "mpd+msd", "mpd+mrd", "mpd+msd+mrd")


@dataclass(frozen=True)
class TrainingConfig(RunConfig):
    """The loop, its losses and its discriminators. The defaults are v2's; see `training_defaults`."""

    crop_seconds: float = changed(RunConfig, "crop_seconds", 2.0)
    lr: float = changed(RunConfig, "lr", 2e-4, help="Learning rate of the generator.")
    discriminator_lr: float = setting(2e-4, "Learning rate of the discriminators.", low=1e-7, high=0.1)
    epochs: int = setting(1000, "Passes over the corpus.", low=1)
    batch_size: int = setting(12, "Crops per step, over all processes.", low=1, high=4096)
    patience: int = setting(100, "Stop after this many validations without improvement.", low=1)
    discriminators: str = setting(
        "mpd+msd",
        "Discriminators: multi-period (mpd), multi-scale (msd), multi-resolution (mrd).",
        choices=DISCRIMINATORS,
    )
    discriminator_width: float = setting(
        1.0, "Channels of the discriminators, relative to HiFi-GAN's.", low=0.05, high=1
    )
    discriminator_seconds: float = setting(
        0.0,
        "Length of the part of each crop that the discriminators see; 0 means all.",
        unit="s",
        low=0,
        high=60,
    )
    adversarial_start: float = setting(
        0.0, "When the discriminators start: a step or, if below 1, a fraction of the run.", low=0
    )
    adversarial: str = setting("lsgan", "Adversarial loss.", choices=("lsgan", "hinge"))
    mel_weight: float = setting(45.0, "Weight of the log-mel loss.", low=0, high=1000)
    stft_weight: float = setting(2.0, "Weight of the multi-resolution STFT loss.", low=0, high=1000)
    feature_weight: float = setting(2.0, "Weight of the feature-matching loss.", low=0, high=1000)
    adversarial_weight: float = setting(1.0, "Weight of the adversarial loss.", low=0, high=1000)
    predictor_steps: int = setting(
        1200,
        "Steps of training of the F0 and duration predictors, before the generator's.",
        unit="steps",
        low=1,
    )
    lr_decay: float = 0.999  # factor on both learning rates, per epoch


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
    """Return the default TrainingConfig of an architecture: v1, v2 or fast."""
    return replace(TrainingConfig(), **_OWN.get(arch, {}))
