"""What resumes a training run: networks and optimizers in one safetensors file, counters in its header."""

import contextlib
import json
import os
import shutil

import safetensors
import safetensors.torch

from units.records import InputError
from units.streams import create


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


def load(path, modules, optimizers):
    """Put a saved state back; return the counters. Raises InputError naming the file."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            counters = json.loads(file.metadata()["counters"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        for name, module in modules.items():
            module.load_state_dict(_under(tensors, name))
        for i, optimizer in enumerate(optimizers):
            _load_optimizer(optimizer, _under(tensors, f"optimizer{i}"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or str(error).splitlines()[0]}") from None
    except (safetensors.SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a checkpoint of this run ({str(error).splitlines()[0]})") from None
    return counters


def _under(tensors, name):
    return {key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _load_optimizer(optimizer, tensors):
    state = {}
    for key, value in tensors.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
