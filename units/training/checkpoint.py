"""Checkpoints: networks and optimizers in one safetensors file, counters in its header."""

import contextlib
import json
import os
import shutil

import safetensors.torch

from units.files import weights
from units.files.output import create

_ADAM = ("step", "exp_avg", "exp_avg_sq")  # Adam's state of each parameter
_LARGEST_COUNT = 1 << 53


def save(path, modules, optimizers, counters):
    """Write the state of named modules, of a list of optimizers, and a dict of counters."""
    tensors = {
        f"{name}/{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for i, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer{i}/{index}/{key}": value for key, value in state.items()}
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with create(path) as out:
        out.write(safetensors.torch.save(tensors, {"counters": json.dumps(counters)}))


def keep(path, name):
    """Preserve the file at `path` under another name before it is replaced.

    The name becomes a hard link, which takes no space, or a copy if the file system has no links.
    """
    if not os.path.exists(path):
        return
    part = f"{name}.part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    try:
        try:
            os.link(path, part)
        except OSError:
            shutil.copyfile(path, part)
        os.replace(part, name)
    finally:
        with contextlib.suppress(FileNotFoundError):  # os.replace does nothing if both are links to one file
            os.unlink(part)


def restore(path, modules, optimizers, counters):
    """Put a saved state back into modules and optimizers. Raises InputError naming the file.

    counters: those of a fresh run; the file must have the same ones, of the same types. Nothing is changed
    before the complete file is known to fit.
    """
    with weights.opened(path, "a checkpoint of this run") as file:
        read_counters(file, counters)
        shapes = {name: weights.shapes(module) for name, module in modules.items()}
        wanted = {f"{name}/{key}": shape for name, part in shapes.items() for key, shape in part.items()}
        tensors = weights.fitting(file, wanted | _steps(set(file.keys()), optimizers))
        weights.check_finite(tensors)
        for name, module in modules.items():
            module.load_state_dict(_under(tensors, name))
        for i, optimizer in enumerate(optimizers):
            _restore_optimizer(optimizer, _under(tensors, f"optimizer{i}"))


def counters_of(path, counters):
    """Return the counters of the checkpoint at a path; counters: those of a fresh run, as in `restore`."""
    with weights.opened(path, "a checkpoint of this run") as file:
        return read_counters(file, counters)


def read_counters(file, like):
    """Return the counters in an open file; ValueError if their names or types differ from those of `like`."""
    found = json.loads(file.metadata()["counters"])
    if not isinstance(found, dict) or found.keys() != like.keys():
        raise ValueError("its counters are those of another kind of run")
    for name in like:
        _check_kind(name, found[name], like[name])
    return found


def _check_kind(name, found, like):
    """Raise ValueError unless a counter has the type and structure of `like`, and a value in range."""
    kind = float if type(like) is float and type(found) is int else type(found)
    if kind is not type(like):
        raise ValueError(f"counter {name} must be of type {type(like).__name__}, not {type(found).__name__}")
    if kind in (int, float) and not min(0, like) <= found:
        raise ValueError(f"counter {name} is {found}; it must be at least {min(0, like)}")
    if kind is int and found >= _LARGEST_COUNT:
        raise ValueError(f"counter {name} is {found}; it must be less than {_LARGEST_COUNT}")
    if kind is dict and found and like:  # empty if a run does not use it
        if found.keys() != like.keys():
            raise ValueError(f"counter {name} has other entries than {', '.join(like)}")
        for key in like:
            _check_kind(key, found[key], like[key])
    if kind is list:
        for pair in zip(found, like, strict=True):
            _check_kind(name, *pair)


def _steps(names, optimizers):
    """Return {name: shape} of the state of each parameter that has a state among the names in a file."""
    found = {}
    for i, optimizer in enumerate(optimizers):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for index, parameter in enumerate(parameters):
            place, shape = f"optimizer{i}/{index}", tuple(parameter.shape)
            if any(f"{place}/{key}" in names for key in _ADAM):
                found |= {f"{place}/{key}": () if key == "step" else shape for key in _ADAM}
    return found


def _under(tensors, name):
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _restore_optimizer(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
