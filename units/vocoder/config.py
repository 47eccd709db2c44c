"""What a vocoder is: VocoderConfig, kept as config.json next to its weights."""

import os
from dataclasses import dataclass

from units.files.config import read_config
from units.records import InputError
from units.settings import setting

VERSION = 3  # 1 had predictors that saw less, 2 noise of random magnitudes in `fast`


@dataclass(frozen=True)
class VocoderConfig:
    """The shape of the networks, and the units that they speak."""

    arch: str = setting(
        "v2",
        "Architecture. v1: units alone; v2: units and F0; fast: pulses at F0 and noise, filtered.",
        choices=("v1", "v2", "fast"),
    )
    units: int = setting(100, "Number of units.", low=1, high=20000)
    codebook: str = setting("", "Hash of the codebook of these units.")
    encoder: str = setting("", "Name of the encoder of that codebook.")
    speakers: tuple[str, ...] = setting((), "Names of the speakers; none if records name no speaker.")
    f0_mean: tuple[float, ...] = setting((4.8,), "Mean of log F0 (Hz), per speaker.", low=-100, high=100)
    f0_sd: tuple[float, ...] = setting(
        (0.25,), "Standard deviation of log F0 (Hz), per speaker.", low=0, low_open=True, high=100
    )
    width: int = setting(
        512,
        "Channels after the first convolution; each upsampling halves them.",
        low=32,
        high=2048,
        multiple_of=16,
    )
    unit_width: int = setting(256, "Dimensions of the unit embedding.", low=1, high=2048)
    f0_bins: int = setting(32, "Bins of log F0, besides one for unvoiced frames.", low=1, high=2048)
    f0_width: int = setting(64, "Dimensions of the F0 embedding.", low=1, high=2048)
    speaker_width: int = setting(64, "Dimensions of the speaker embedding.", low=1, high=2048)
    version: int = setting(VERSION, "Version of this layout.", low=VERSION, high=VERSION)


def shape_defaults(arch):
    """Return the default VocoderConfig of an architecture."""
    return VocoderConfig(arch=arch, width=256 if arch == "fast" else VocoderConfig.width)


def read_vocoder_config(folder):
    """Return the VocoderConfig of a directory.

    Raises InputError, naming config.json and the setting at fault.
    """
    return parse_vocoder_config(os.path.join(folder, "config.json"))


def parse_vocoder_config(path):
    """Return the VocoderConfig in a file. Raises InputError, naming the file and the setting at fault."""
    config = read_config(VocoderConfig, path)
    speakers = max(1, len(config.speakers))
    for name in ("f0_mean", "f0_sd"):
        if (found := len(getattr(config, name))) != speakers:
            raise InputError(f"{path}: {name} must have one number per speaker ({speakers}), not {found}")
    if not all(config.speakers):
        raise InputError(f"{path}: speakers must not have empty names")
    return config
