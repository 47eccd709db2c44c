"""Weights in safetensors files. What a file claims is compared with what is needed before it is read."""

import contextlib
import math

import safetensors
import torch
from torch.overrides import TorchFunctionMode

from units.files.damage import FAULTS, reason_of
from units.files.opening import open_file
from units.records import InputError

MOST_WEIGHTS = 1 << 30  # numbers of one model: 4 GiB of float32
_LONGEST_HEADER = 1 << 23  # bytes; the tensors of a large model need a tenth
_FLOATS = ("F64", "F32", "F16", "BF16")


@contextlib.contextmanager
def opened(path, what):
    """Give the open safetensors file at a path. Faults in the block become an InputError that names the file.

    what: the thing that a damaged file is reported not to be.
    """
    check_header(path, what)
    try:
        with safetensors.safe_open(path, "pt") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or str(error).splitlines()[0]}") from None
    except (*FAULTS, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: not {what} ({reason_of(error)})") from None


def check_header(path, what):
    """Raise InputError if a file is not regular, or claims a header that is too long."""
    with open_file(path, pipes=False) as file:
        size = int.from_bytes(file.read(8), "little")
    if size > _LONGEST_HEADER:
        raise InputError(f"{path}: not {what} (a header of {size} bytes)")


def shapes(module):
    """Return {name: shape} of the weights of a module."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def fitting(file, wanted):
    """Return {name: tensor} of an open file that has exactly the tensors of {name: shape}, all of them
    floats.

    Raises ValueError, before anything is read, if it does not.
    """
    names = set(file.keys())
    for name in wanted:
        if name not in names:
            raise ValueError(f"{name} is missing")
    for name in sorted(names - wanted.keys()):
        raise ValueError(f"{name[:80]!r} is not part of this model")
    for name, shape in wanted.items():
        check_shape(file, name, shape)
    return {name: file.get_tensor(name) for name in wanted}


def check_shape(file, name, shape):
    """Raise ValueError if a tensor of an open file has another shape, or does not hold floats."""
    part = file.get_slice(name)
    if tuple(part.get_shape()) != tuple(shape):
        raise ValueError(f"{name} has shape {tuple(part.get_shape())}, not {tuple(shape)}")
    if part.get_dtype() not in _FLOATS:
        raise ValueError(f"{name} holds {part.get_dtype()}, not floats")


def check_finite(tensors):
    """Raise ValueError naming the first of {name: tensor} that holds NaN or infinity."""
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} has NaN or infinity")


def load(path, wanted, what):
    """Return {name: tensor}, finite floats, of a file with exactly those of {name: shape}.

    Raises InputError.
    """
    with opened(path, what) as file:
        tensors = fitting(file, wanted)
        check_finite(tensors)
    return tensors


class _Unfilled(TorchFunctionMode):
    """Skip weight initialisation: on the meta device it makes torch import its compiler, which takes a
    second."""

    def __torch_function__(self, function, _types, args=(), kwargs=None):
        if function.__name__ in ("normal_", "uniform_", "kaiming_uniform_", "trunc_normal_"):
            return args[0] if args else kwargs["tensor"]
        if function is torch.hann_window:
            return torch.empty(args[0])
        return function(*args, **(kwargs or {}))


def wanted_by(path, build):
    """Return {name: shape} of each module that `build` returns, without allocating memory for them.

    Raises InputError, naming the file that asks for them, if there are more weights than any model has.
    """
    with torch.device("meta"), _Unfilled():
        found = [shapes(module) for module in build()]
    count = sum(math.prod(shape) for part in found for shape in part.values())
    if count > MOST_WEIGHTS:
        raise InputError(f"{path}: needs {count} weights, but at most {MOST_WEIGHTS} are allowed")
    return found
