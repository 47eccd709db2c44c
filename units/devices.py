"""Where networks run."""

import torch

from units.records import InputError


def choose(name="auto"):
    """Return the torch.device of a name: auto, cpu, cuda, cuda:N. InputError where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"no device is called {name}; try auto, cpu, cuda or cuda:1") from None
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise InputError(f"{name}: no such GPU is seen on this machine")
    return device
