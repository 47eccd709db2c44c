"""What resumes a training run: networks and optimizers in one safetensors file, counters in its header."""

import contextlib
import json
import os
import shutil

import safetensors.torch

from units.files import weights
from units.files.output import create

_ADAM = ("step", "exp_avg", "exp_avg_sq")  # what Adam keeps of each parameter


def save(path, modules, optimizers, counters):
    """Write the state of named modules, of a list of optimizers, and a dict of numbers, whole."""
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
    """Let the file at path be there under another name as well, whatever is later saved at path.

    A second link to it, which takes no room; a copy where the file system has no links.
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
        with contextlib.suppress(FileNotFoundError):  # of two links to one file neither is replaced
            os.unlink(part)


def load(path, modules, optimizers, counters):
    """Put a saved state back; return the counters. Raises InputError naming the file.

    counters: those of a fresh run; the file must have the same, of the same kinds, as they are put into the
    run as they are. Nothing is read before all of it is known to fit.
    """
    with weights.opened(path, "a checkpoint of this run") as file:
        found = read_counters(file, counters)
        shapes = {name: weights.shapes(module) for name, module in modules.items()}
        wanted = {f"{name}/{key}": shape for name, part in shapes.items() for key, shape in part.items()}
        tensors = weights.fitting(file, wanted | _steps(set(file.keys()), optimizers))
        weights.check_finite(tensors)
        for name, module in modules.items():
            module.load_state_dict(_under(tensors, name))
        for i, optimizer in enumerate(optimizers):
            _load_optimizer(optimizer, _under(tensors, f"optimizer{i}"))
    return found


def counters_of(path, counters):
    """Return the counters of the checkpoint at a path alone, as `load` does."""
    with weights.opened(path, "a checkpoint of this run") as file:
        return read_counters(file, counters)


def read_counters(file, like):
    """Return the counters in an open file; ValueError where they are not of the kinds of `like`."""
    found = json.loads(file.metadata()["counters"])
    if not isinstance(found, dict) or found.keys() != like.keys():
        raise ValueError("other counters")
    for name in like:
        _check_kind(name, found[name], like[name])
    return found


def _check_kind(name, found, like):
    """Raise ValueError unless what was found is made as `like` is, and of numbers that may be counted on."""
    kind = float if type(like) is float and type(found) is int else type(found)
    if kind is not type(like):
        raise ValueError(f"{name} is no {type(like).__name__}")
    if kind in (int, float) and not min(0, like) <= found:
        raise ValueError(f"{name} is less than ever")
    if kind is int and found >= 1 << 53:
        raise ValueError(f"{name} is more than anyone counts")
    if kind is dict and found and like:  # empty where a run had no use for it
        if found.keys() != like.keys():
            raise ValueError(f"other {name}")
        for key in like:
            _check_kind(key, found[key], like[key])
    if kind is list:
        for pair in zip(found, like, strict=True):
            _check_kind(name, *pair)


def _steps(names, optimizers):
    """Return {name: shape} of what optimizers have in a file that names so many of their tensors."""
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


def _load_optimizer(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
