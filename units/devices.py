"""Where networks run, and in what precision."""

import torch

from units.records import InputError

_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "asimdbf16")  # of x86 and of Arm


def choose(name="auto"):
    """Return the torch.device of a name: auto, cpu, cuda, cuda:N. Raises InputError if there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"there is no device {name}; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise InputError(f"{name}: this machine has no such GPU")
    return device


def choose_dtype(name, device):
    """Return the torch dtype of fp32, bf16, fp16 or auto: bf16 if the device multiplies it faster."""
    if name == "auto":
        quick = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
        name = "bf16" if quick else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


def cpu_has_bf16():
    """Return whether the CPU has instructions that multiply bf16."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return not set(_CPU_FLAGS).isdisjoint(file.read().split())
    except OSError:
        return False


def is_wrong_in_bf16(layer):
    """Return whether CPUs with AMX compute a layer wrongly in bf16: a convolution in groups of 2 to 12
    channels.

    Measured with torch 2.13 for kernels of 16, 64 and 128; groups of 1, and of 16 and more, are right.
    """
    return isinstance(layer, torch.nn.Conv1d) and 1 < layer.in_channels // layer.groups < 16
