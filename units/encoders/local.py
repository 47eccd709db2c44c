"""Checks of a model's directory before transformers opens anything in it."""

import os

from units.files import weights
from units.files.config import read_json
from units.files.opening import open_file
from units.records import InputError

_CONFIGS = ("config.json", "preprocessor_config.json")
_LARGEST_SIZE = 1 << 20  # of any number in a configuration
_SIZES = ("hidden_size", "d_model")
_LAYERS = ("num_hidden_layers", "encoder_layers")
_HEADS = ("num_attention_heads", "encoder_attention_heads")


def check_folder(folder):
    """Raise InputError, naming the file, if a file of a model is not of the kind its name says."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in _CONFIGS:
            _check_config(path)
        elif name.endswith(".safetensors"):
            weights.check_header(path, "weights of a model")
        elif name.endswith(".json"):
            open_file(path, pipes=False).close()


def _check_config(path):
    config = read_json(path)
    nested = config.get("audio_config")
    for name, value in [*config.items(), *(nested.items() if isinstance(nested, dict) else ())]:
        for number in value if isinstance(value, list) else [value]:
            if type(number) in (int, float) and not abs(number) <= _LARGEST_SIZE:
                raise InputError(f"{path}: {name} must be at most {_LARGEST_SIZE}, not {number}")


def check_config(source, config):
    """Raise InputError if the sizes in a loaded config are not whole numbers from 0 up."""
    for names in (_SIZES, _LAYERS, _HEADS):
        number = _first(config, names)
        if type(number) is not int or number < 0:
            raise InputError(f"{source}: {names[0]} must be a whole number from 0 up, not {number!r}")


def check_weights(folder, config):
    """Raise InputError if a directory has its weights only as a pickle, or fewer than its config needs."""
    names = os.listdir(folder)
    pickles = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt")))
    if pickles and not any(name.endswith(".safetensors") for name in names):
        raise InputError(
            f"{os.path.join(folder, pickles[0])}: a pickle, which could run code, and is not loaded; "
            "save the model's weights as model.safetensors"
        )
    least = 4 * _first(config, _LAYERS) * _first(config, _SIZES) ** 2  # attention's matrices alone
    held = sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    if least > held:
        raise InputError(f"{folder}/config.json: needs {least} weights, but the files have only {held} bytes")


def _first(config, names):
    """Return a config's value under the first of the names that it has, or 0."""
    return next((getattr(config, name) for name in names if hasattr(config, name)), 0)
