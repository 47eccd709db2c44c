"""How a learned encoder is trained. What it is, is in units/encoders/network.py."""

from dataclasses import dataclass, field

from units.settings import setting


@dataclass(frozen=True)
class AugmentConfig:
    """How far a crop is changed, so that what is learned does not depend on the speaker and the room.

    Except for the noise, each is drawn for every crop, uniformly from -x to x in the logarithm.
    """

    speed: float = setting(
        0.1, "Largest change of speed of a crop: tempo, pitch and formants together.", low=0, high=0.5
    )
    pitch: float = setting(0.15, "Largest change of pitch of a crop, without its tempo.", low=0, high=0.5)
    formants: float = setting(
        0.1, "Largest stretch of a crop's spectrum, as by a longer or shorter vocal tract.", low=0, high=0.3
    )
    tilt_db: float = 6.0  # loudness of each third of the spectrum
    noise: float = setting(
        0.3, "Fraction of crops that get noise, or another crop, 5 to 25 dB below them.", low=0, high=1
    )


@dataclass(frozen=True)
class PretrainingConfig:
    """The loop, its targets and its masks."""

    steps: int = setting(20_000, "Steps of all rounds together.", unit="steps", low=1)
    max_hours: float = setting(0.0, "Stop after this time; 0 is no limit.", unit="hours", low=0)
    rounds: int = setting(3, "Number of times that targets are computed.", low=1, high=20)
    clusters: tuple[int, ...] = setting(
        (100, 200, 500),
        "Number of target clusters of each round; the last one also of all later rounds.",
        low=2,
        high=20000,
    )
    target_layer: int = 4  # whose frames the later rounds cluster
    batch_seconds: float = setting(96.0, "Audio per step, over all processes.", unit="s", low=2, high=36000)
    crop_seconds: float = setting(4.0, "Length of a crop.", unit="s", low=0.5, high=60)
    lr: float = setting(2e-3, "Learning rate.", low=1e-7, high=0.1, names=("--lr",))
    warmup: int = setting(200, "Steps of each round over which the learning rate rises.", unit="steps", low=0)
    decay: float = setting(
        0.3, "Last part of the run, as a fraction of it, over which the learning rate falls.", low=0, high=1
    )
    mask_share: float = 0.065  # of frames that begin a masked span
    mask_length: int = 10  # frames
    ema: float = 0.999  # decay of the averaged weights
    held_out: float = setting(
        0.03, "Fraction of the recordings to hold out for validation.", low=0.001, high=0.9
    )
    save_every: int = setting(500, "Steps between checkpoints.", unit="steps", low=1)
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class ShapeConfig:
    """The shape of a new encoder; None is as in the encoder of --init, or the default in words."""

    width: int | None = setting(
        None,
        "Dimensions of the layers.",
        low=64,
        high=4096,
        multiple_of=64,
        words="256, or as in --init",
    )
    depth: int | None = setting(None, "Number of layers.", low=1, high=64, words="5, or as in --init")
    convolution: int | None = setting(
        None,
        "Kernel of the convolution in each layer.",
        unit="frames",
        low=1,
        high=511,
        odd=True,
        words="15, or as in --init",
    )
    attention_span: int | None = setting(
        None,
        "How far attention sees in each direction; 0 is everywhere.",
        unit="frames",
        low=0,
        high=100_000,
        words="50, or as in --init",
    )
    target_layer: int | None = setting(
        None, "Layer whose frames are clustered in later rounds.", low=1, high=64, words="the middle one"
    )
