"""What is asked of a directory of transformers before that library opens anything in it."""

import json
import os

from units.files import weights
from units.files.opening import open_file, read_whole
from units.records import InputError

_LARGEST = 1 << 20  # bytes of a configuration
_CONFIGS = ("config.json", "preprocessor_config.json")
_LARGEST_SIZE = 1 << 20  # of anything that a configuration counts
_SIZES = ("hidden_size", "d_model")
_LAYERS = ("num_hidden_layers", "encoder_layers")


def check_folder(folder):
    """Raise InputError, naming the file, of what in a model's directory is not what its name says."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in _CONFIGS:
            _check_config(path)
        elif name.endswith(".safetensors"):
            weights.check_header(path, "weights of a model")
        elif name.endswith((".json", ".bin")):
            open_file(path, pipes=False).close()


def _check_config(path):
    try:
        values = json.loads(read_whole(path, _LARGEST).decode())
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a JSON object")
    for name, value in values.items():
        for number in value if isinstance(value, list) else [value]:
            if type(number) in (int, float) and not abs(number) <= _LARGEST_SIZE:
                raise InputError(f"{path}: {name} {number} is more than any model has")


def check_config(source, config):
    """Raise InputError where the sizes that a loaded config tells are no numbers."""
    for names in (_SIZES, _LAYERS):
        number = _first(config, names)
        if type(number) is not int or number < 0:
            raise InputError(f"{source}: {names[0]} {number!r} is not a whole number from 0 up")


def check_weights(folder, config):
    """Raise InputError where a config asks for more weights than the directory's files have bytes."""
    least = 4 * _first(config, _LAYERS) * _first(config, _SIZES) ** 2  # attention's matrices alone
    held = sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
    if least > held:
        raise InputError(f"{folder}/config.json: asks for {least} weights, and its files have {held} bytes")


def _first(config, names):
    """Return what a config has under the first of the names that it knows, 0 where it knows none."""
    return next((getattr(config, name) for name in names if hasattr(config, name)), 0)
