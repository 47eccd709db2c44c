"""Encoders of su-train-encoder: a directory of config.json and weights.safetensors.

`small` is the one that comes with the package.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict

import safetensors.torch
import torch

from units.audio.timing import frame_count
from units.devices import upload
from units.encoders.network import MODEL_TYPE, Network, NetworkConfig, check_shape
from units.encoders.spectrum import spectra_of
from units.encoders.transformer import Transformer, choose_layers
from units.files import weights
from units.files.config import read_config, read_json, to_json
from units.files.output import create
from units.records import InputError

SMALL = os.path.join(os.path.dirname(__file__), "small")
WEIGHTS = "weights.safetensors"
MARGIN_SECONDS = 2.0
_LENGTHS = 64  # frames: the network's input is padded to a multiple of this


class Learned(Transformer):
    """Frames of hidden layers of a Network."""

    def __init__(self, network, name, layers=None, device="auto", dtype="auto", chunk_seconds=30.0):
        config = network.config
        layers = choose_layers(layers, config.layers, config.default_layer, name)
        super().__init__(name, layers, config.width, device, dtype, chunk_seconds, MARGIN_SECONDS)
        self._config, self._network = config, self._watch(network, network.layers)

    def _condition(self, samples):
        """Return the spectra of the whole recording; each chunk gets its part of them."""
        return spectra_of(samples, frame_count(len(samples)), self._config.bands, self._config.spectra)

    def _input(self, _samples, chunk, condition):
        return condition[chunk.first : chunk.last]

    def _batch(self, pieces):
        """Return (spectra (B, T, bands), real (B, T)), with few different lengths T.

        A CPU caches code for every shape that it multiplies: with arbitrary T, 600 segments took 1.1 GB.
        """
        lengths = torch.tensor([len(piece.input) for piece in pieces])
        longest = -(-int(lengths.max()) // _LENGTHS) * _LENGTHS
        spectra = torch.zeros(len(pieces), longest, self._config.bands * self._config.spectra)
        for row, piece in zip(spectra, pieces, strict=True):
            row[: len(piece.input)] = torch.from_numpy(piece.input)
        real = torch.arange(longest) < lengths[:, None]
        return self._to_device(spectra), upload(real, self.device)

    def _last(self, spectra, real):
        return self._network(spectra, real, last=self.layers[-1])


def open_learned(folder, name, layers, device, dtype, chunk_seconds):
    """Return the Learned encoder in a directory. Its name has a hash, because the directory may change.

    name: DIR, or DIR@HASH, which accepts no other encoder. Raises InputError if it is another or damaged.
    """
    network = load_network(folder)
    short, _, wanted = split_hash(name)
    found = content_hash(network)
    if wanted and wanted != found:
        raise InputError(f"{short}: the encoder there is now {found}, but {wanted} is needed")
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
    """Return eight hexadecimal digits that identify a network by its shape and weights."""
    digest = hashlib.sha256(json.dumps(asdict(network.config), sort_keys=True).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.half().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def is_learned(folder):
    """Return whether a directory's config.json is one of su-train-encoder."""
    try:
        return read_json(os.path.join(folder, "config.json")).get("model_type") == MODEL_TYPE
    except InputError:
        return False


def load_network(folder):
    """Return the Network in a directory. Raises InputError, naming the file, if it is damaged."""
    config = _load_config(os.path.join(folder, "config.json"))
    (wanted,) = weights.wanted_by(os.path.join(folder, "config.json"), lambda: [Network(config)])
    tensors = weights.load(os.path.join(folder, WEIGHTS), wanted, "the weights of this encoder")
    network = Network(config)
    network.load_state_dict(tensors)
    return network.eval()


def save_network(folder, network):
    """Write a Network's config.json and its weights, in half precision."""
    with create(os.path.join(folder, "config.json")) as out:
        out.write(to_json(network.config).encode())
    half = {name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with create(os.path.join(folder, WEIGHTS)) as out:
        out.write(safetensors.torch.save(half))


def _load_config(path):
    config = read_config(NetworkConfig, path, others=True)  # later versions may add settings
    check_shape(config, path)
    return config
