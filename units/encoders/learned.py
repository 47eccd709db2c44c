"""Frames of an encoder that su-train-encoder made: a directory of config.json and weights.safetensors.

`small` is the one that comes with the package.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, fields

import safetensors.torch
import torch

from units.audio.timing import HOP, frame_count
from units.encoders.network import MODEL_TYPE, Network, NetworkConfig
from units.encoders.spectrum import spectra_of
from units.encoders.transformer import Transformer, choose_layers
from units.files import weights
from units.files.opening import read_whole
from units.files.output import create
from units.records import InputError

SMALL = os.path.join(os.path.dirname(__file__), "small")
WEIGHTS = "weights.safetensors"
MARGIN_SECONDS = 2.0
_LENGTHS = 64  # frames: what is given to the network is padded to a multiple
_LARGEST = {"width": 4096, "layers": 64, "feedforward": 16384, "bands": 256, "spectra": 5, "heads": 64}
_KERNELS = ("position_kernel", "conv_kernel")
_LARGEST_CONFIG = 1 << 20  # bytes
_LONGEST_SPAN = 100_000  # frames


class Learned(Transformer):
    """Frames of hidden layers of a Network."""

    def __init__(self, network, name, layers=None, device="auto", dtype="auto", chunk_seconds=30.0):
        config = network.config
        layers = choose_layers(layers, config.layers, config.default_layer, name)
        super().__init__(name, layers, config.width, device, dtype, chunk_seconds, MARGIN_SECONDS)
        self._config, self._network = config, self._watch(network, network.layers)

    def _condition(self, samples):
        """The spectra of the whole recording, of which each chunk is given its part."""
        return spectra_of(samples, frame_count(len(samples)), self._config.bands, self._config.spectra)

    def _input(self, _samples, chunk, condition):
        return condition[chunk.first : chunk.last]

    def _batch(self, pieces):
        """Return (spectra (B, T, bands), real (B, T)), T one of few lengths.

        A CPU keeps code for each shape that it ever multiplied: with T as it comes 600 segments took 1.1 GB.
        """
        lengths = torch.tensor([len(piece.input) for piece in pieces])
        longest = -(-int(lengths.max()) // _LENGTHS) * _LENGTHS
        spectra = torch.zeros(len(pieces), longest, self._config.bands * self._config.spectra)
        for row, piece in zip(spectra, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        real = torch.arange(longest) < lengths[:, None]
        return self._to_device(spectra), real.to(self.device)

    def _last(self, spectra, real):
        return self._network(spectra, real, last=self.layers[-1])


def open_learned(folder, name, layers, device, dtype, chunk_seconds):
    """Return the Learned encoder in a directory; its name has a hash, for others may come to lie there.

    name: DIR, or DIR@HASH, where only that one will do. Raises InputError where it is not that, or not whole.
    """
    network = load_network(folder)
    short, _, wanted = split_hash(name)
    found = content_hash(network)
    if wanted and wanted != found:
        raise InputError(f"{short}: holds another encoder now, {found}, not {wanted}")
    return Learned(network, f"{short}@{found}", layers, device, dtype, chunk_seconds)


def split_hash(name):
    """Return (DIR, "@", HASH) of DIR@HASH, or (name, "", "").

    >>> split_hash("a@home@0123abcd")
    ('a@home', '@', '0123abcd')
    >>> split_hash("a@home")
    ('a@home', '', '')
    """
    short, sign, found = name.rpartition("@")
    return (short, sign, found) if re.fullmatch(r"[0-9a-f]{8}", found) and sign else (name, "", "")


def content_hash(network):
    """Return eight hexadecimal digits that tell a network by its shape and weights."""
    digest = hashlib.sha256(json.dumps(asdict(network.config), sort_keys=True).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.half().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def is_learned(folder):
    """Return whether a directory's config.json is one of ours."""
    try:
        values = json.loads(read_whole(os.path.join(folder, "config.json"), _LARGEST_CONFIG).decode())
        return values.get("model_type") == MODEL_TYPE
    except (InputError, ValueError, AttributeError, RecursionError):
        return False


def load_network(folder):
    """Return the Network in a directory; InputError, naming the file, where it is not whole."""
    config = _load_config(os.path.join(folder, "config.json"))
    (wanted,) = weights.wanted_by(os.path.join(folder, "config.json"), lambda: [Network(config)])
    tensors = weights.load(os.path.join(folder, WEIGHTS), wanted, "the weights of this encoder")
    network = Network(config)
    network.load_state_dict(tensors)
    return network.eval()


def save_network(folder, network):
    """Write a Network's config.json and its weights, in half precision, each whole."""
    with create(os.path.join(folder, "config.json")) as out:
        out.write((json.dumps(asdict(network.config), indent=2) + "\n").encode())
    half = {name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with create(os.path.join(folder, WEIGHTS)) as out:
        out.write(safetensors.torch.save(half))


def _load_config(path):
    try:
        values = json.loads(read_whole(path, _LARGEST_CONFIG).decode())
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON") from None
    known = {field.name: field.type for field in fields(NetworkConfig)}
    if not isinstance(values, dict) or values.get("version") != NetworkConfig.version:
        raise InputError(f"{path}: not an encoder that this version can read")
    for name, value in values.items():
        if (name in known and not isinstance(value, known[name])) or isinstance(value, bool):
            raise InputError(f"{path}: {name} {value!r} is not {known[name].__name__}")
    config = NetworkConfig(**{name: value for name, value in values.items() if name in known})
    for name, most in _LARGEST.items():
        if not 1 <= getattr(config, name) <= most:
            raise InputError(f"{path}: {name} {getattr(config, name)} is not between 1 and {most}")
    if not 0 <= config.attention_span <= _LONGEST_SPAN:
        raise InputError(
            f"{path}: attention_span {config.attention_span} is not between 0 and {_LONGEST_SPAN}"
        )
    if HOP % config.spectra:
        raise InputError(f"{path}: spectra {config.spectra} do not divide a frame")
    for name in _KERNELS:
        if not 0 <= getattr(config, name) <= 511 or (
            name == "position_kernel" and not config.position_kernel % 2
        ):
            raise InputError(f"{path}: {name} {getattr(config, name)} is not an odd number up to 511")
    if config.width % config.heads or config.width % 16 or not 0 <= config.default_layer <= config.layers:
        raise InputError(f"{path}: width, heads and layers do not fit each other")
    return config
