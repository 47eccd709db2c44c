"""How an encoder is trained; units.encoders.network has the settings of the network itself."""

from dataclasses import dataclass, field

from units.settings import setting
from units.training.config import RunConfig, changed


@dataclass(frozen=True)
class AugmentConfig:
    """How far crops are changed, so that the encoder learns sounds rather than speakers and rooms.

    Speed, pitch and formants are drawn for each crop, evenly from -x to x in the logarithm.
    """

    speed: float = setting(
        0.1,
        "Largest change of a crop's speed, as a fraction; tempo, pitch and formants change together.",
        low=0,
        high=0.5,
    )
    pitch: float = setting(0.15, "Largest change of a crop's pitch alone, as a fraction.", low=0, high=0.5)
    formants: float = setting(
        0.1,
        "Largest change of a crop's formants alone, as a fraction: a longer or shorter vocal tract.",
        low=0,
        high=0.3,
    )
    noise: float = setting(
        0.3, "Fraction of crops that are mixed with noise or with another crop.", low=0, high=1
    )


@dataclass(frozen=True)
class PretrainingConfig(RunConfig):
    """The rounds, their targets, and the masks."""

    warmup: int = changed(
        RunConfig,
        "warmup",
        200,
        help="Steps over which the learning rate rises at the start of each round.",
    )
    decay: float = changed(RunConfig, "decay", 0.3)
    held_out: float = changed(RunConfig, "held_out", 0.03)
    objective: str = setting(
        "masked",
        "What to learn: to predict masked frames (masked), or to give the same sounds the same codewords "
        "however they are changed (swapped), as a short last phase.",
        choices=("masked", "swapped"),
    )
    steps: int = setting(20_000, "Steps of all rounds together.", unit="steps", low=1)
    rounds: int = setting(
        3, "Number of rounds, each with new clusters as targets; 0 means no clusters.", low=0, high=20
    )
    clusters: tuple[int, ...] = setting(
        (100, 200, 500),
        "Number of clusters to predict in each round; the last number also serves all later rounds.",
        low=2,
        high=20000,
    )
    target_layer: int | None = setting(
        None,
        "Layer whose frames are clustered for the rounds after the first.",
        low=1,
        high=64,
        words="the default layer of su-encode",
    )
    online_layers: int = setting(
        0,
        "Number of upper layers that also predict the codewords of a teacher, a slow average of the network.",
        low=0,
        high=64,
    )
    codewords: int = setting(
        256, "Number of codewords of the teacher in each layer, or of --objective swapped.", low=2, high=20000
    )
    fade: float = setting(
        1.0,
        "Fraction of the run, at its start, over which clusters fade out as targets; 1 means never.",
        low=0.01,
        high=1,
    )
    batch_seconds: float = setting(96.0, "Audio per step, over all processes.", unit="s", low=2, high=36000)
    mask_share: float = 0.065  # fraction of frames that begin a masked span
    mask_length: int = 10  # frames
    augment: AugmentConfig = field(default_factory=AugmentConfig)


@dataclass(frozen=True)
class ShapeConfig:
    """The shape of a new encoder. None means that of the encoder of --init, or the default in words."""

    width: int | None = setting(
        None,
        "Channels of each layer, a multiple of 64.",
        low=64,
        high=4096,
        multiple_of=64,
        words="256, or as in --init",
    )
    depth: int | None = setting(
        None, "Number of transformer layers.", low=1, high=64, words="5, or as in --init"
    )
    convolution: int | None = setting(
        None,
        "Width of the convolution in each layer, an odd number; 0 means no convolution.",
        unit="frames",
        low=0,
        high=511,
        words="15, or as in --init",
    )
    attention_span: int | None = setting(
        None,
        "Number of frames before and after each frame that attention sees; 0 means all.",
        unit="frames",
        low=0,
        high=100_000,
        words="50, or as in --init",
    )
