"""How a learned encoder is trained; what it is stands in units.encoders.network."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AugmentConfig:
    """How far a crop is changed, so that what is learned does not depend on the speaker and the room.

    Each is drawn anew for each crop, evenly from -x to x in the logarithm, but for the noise.
    """

    speed: float = 0.1  # share by which the tape runs faster or slower: tempo, pitch and formants together
    pitch: float = 0.15  # share by which the pitch alone is moved
    formants: float = 0.1  # share by which the spectrum is stretched, as by a longer or shorter vocal tract
    tilt_db: float = 6.0  # loudness of each third of the spectrum
    noise: float = 0.3  # share of crops that get noise, or another crop, 5 to 25 dB under them


@dataclass(frozen=True)
class PretrainingConfig:
    """The loop, its targets and its masks."""

    steps: int = 20_000  # of all rounds together
    max_hours: float = 0.0  # of all rounds together; 0 is no limit
    rounds: int = 3
    clusters: tuple = (100, 200, 500)  # targets of each round; the last stands for all after
    target_layer: int = 4  # whose frames the later rounds cluster
    batch_seconds: float = 96.0
    crop_seconds: float = 4.0
    lr: float = 2e-3
    warmup: int = 200  # steps
    decay: float = 0.3  # share of the whole, its last, over which the rate falls to nothing
    mask_share: float = 0.065  # of frames that begin a masked span
    mask_length: int = 10  # frames
    ema: float = 0.999
    held_out: float = 0.03  # share of the recordings
    save_every: int = 500  # steps between checkpoints
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
