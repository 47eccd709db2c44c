"""What a vocoder is and how it is trained; VocoderConfig is kept as config.json beside the weights."""

import json
import os
from dataclasses import asdict, dataclass, fields

from units.files.opening import read_whole
from units.records import InputError

VERSION = 3  # 1 had predictors that saw less, 2 of `fast` noise of chance magnitudes
_LARGEST = 1 << 20  # bytes of config.json: some ten thousand speakers


@dataclass(frozen=True)
class VocoderConfig:
    """The shape of the networks, and which units they speak."""

    arch: str = "v2"  # v1, units alone; v2, units and F0; fast, pulses at F0 and noise
    units: int = 100
    codebook: str = ""  # hash of the codebook whose units these are
    encoder: str = ""
    speakers: tuple = ()  # names; none where records name no speaker
    f0_mean: tuple = (4.8,)  # mean of log Hz, a speaker
    f0_sd: tuple = (0.25,)  # its standard deviation
    width: int = 512  # channels after the first convolution, halved at each upsampling
    unit_width: int = 256
    f0_bins: int = 32  # and one for unvoiced
    f0_width: int = 64
    speaker_width: int = 64
    version: int = VERSION


def shape_defaults(arch):
    """Return the VocoderConfig of an architecture where nothing else is said."""
    return VocoderConfig(arch=arch, width=256 if arch == "fast" else VocoderConfig.width)


def to_json(config):
    """Return a VocoderConfig as JSON text, the inverse of `from_json`."""
    return json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n"


def from_json(text, place):
    """Return the VocoderConfig of JSON text; InputError where it is none or another version's."""
    try:
        values = json.loads(text)
        config = VocoderConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{place}: not a vocoder's configuration") from None
    if config.version != VERSION:
        raise InputError(f"{place}: a vocoder of version {config.version}, not {VERSION}")
    for field in fields(VocoderConfig):
        if type(getattr(config, field.name)) is not type(field.default):
            raise InputError(f'{place}: "{field.name}" is not a {type(field.default).__name__}')
    _check_sizes(config, place)
    return config


def read_config(folder):
    """Return the VocoderConfig of a directory. Raises InputError naming its config.json where it is none."""
    path = os.path.join(folder, "config.json")
    try:
        return from_json(read_whole(path, _LARGEST).decode(), path)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None


def _check_sizes(config, place):
    sizes = ("units", "width", "unit_width", "f0_bins", "f0_width", "speaker_width")
    if any(not 1 <= getattr(config, name) <= 20000 for name in sizes) or config.width % 16:
        raise InputError(f"{place}: a size out of range")
    if config.arch not in ("v1", "v2", "fast"):
        raise InputError(f"{place}: no architecture {config.arch}")
    speakers = max(1, len(config.speakers))
    if len(config.f0_mean) != speakers or len(config.f0_sd) != speakers:
        raise InputError(f"{place}: not one F0 mean and spread a speaker")
    if not all(isinstance(name, str) and name for name in config.speakers):
        raise InputError(f"{place}: a speaker without a name")
    if not all(type(n) in (int, float) and abs(n) < 100 for n in (*config.f0_mean, *config.f0_sd)) or not all(
        n > 0 for n in config.f0_sd
    ):
        raise InputError(f"{place}: an F0 mean or spread that is no number of log Hz")
