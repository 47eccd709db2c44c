"""Where networks run, and in what precision."""

import torch

from units.records import InputError

_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "asimdbf16")  # x86's two, and Arm's


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


def choose_dtype(name, device):
    """Return the torch dtype of fp32, bf16, fp16 or auto: bf16 where the device multiplies that quicker."""
    if name == "auto":
        quick = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
        name = "bf16" if quick else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def cpu_has_bf16():
    """Return whether the CPU multiplies bf16 by itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return not set(_CPU_FLAGS).isdisjoint(file.read().split())
    except OSError:
        return False
