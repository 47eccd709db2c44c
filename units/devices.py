"""Choose the device and the precision of networks, and notice when a GPU is full or cannot be used."""

import glob
import os

import torch

from units.records import InputError, warn

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_FULL = ("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate")
_PINNING = ("cuda",)  # types of devices that need not be waited for when pinned memory is copied to them
_CPU_FLAGS = ("avx512_bf16", "amx_bf16", "bf16", "asimdbf16")  # of x86 and of Arm


def choose(name="auto"):
    """Return the torch.device of a name: auto, cpu, cuda, cuda:N. Raises InputError if it cannot be used.

    auto is a GPU if torch can use it, otherwise the CPU. If there is a GPU that torch cannot use, a warning
    says so: on the CPU, minutes become days.
    """
    if name == "auto":
        return _best()
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"unknown device {name}; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and not (
        torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    ):
        raise InputError(f"{name}: {_without_gpu() or 'this machine has no such GPU'}")
    if device.type == "cuda" and (why := _refuses(device)):
        raise InputError(f"{name}: {why}")
    return device


def _best():
    """Return a GPU that works, otherwise the CPU, with a warning if there is a GPU that does not work."""
    device = torch.device("cuda")
    why = _refuses(device) if torch.cuda.is_available() else _without_gpu()
    if why is None:
        return device if torch.cuda.is_available() else torch.device("cpu")
    warn(f"{why}; computing on the CPU (--device cpu does so without this message)")
    return torch.device("cpu")


def _without_gpu():
    """Return why torch sees no GPU although the machine has one; None if it has none, or if it is hidden."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not glob.glob("/dev/nvidia[0-9]*"):
        return None
    if torch.version.cuda is None:
        return f"this machine has a GPU, but torch {torch.__version__} is a build for the CPU"
    return (
        f"this machine has a GPU, but torch cannot use it: torch {torch.__version__} is built for CUDA "
        f"{torch.version.cuda}, and the driver may be too old (nvidia-smi shows the highest CUDA that it "
        "supports)"
    )


def _refuses(device):
    """Return why a GPU cannot compute, None if it can. Prepares it: convolutions of fp32 are exact fp32."""
    torch.backends.cudnn.allow_tf32 = False
    try:
        torch.ones(1, device=device).add(1).item()
    except RuntimeError as error:
        if is_out_of_memory(error):
            return f"the memory of {describe(device)} is full"
        major, minor = torch.cuda.get_device_capability(device)
        reason = str(error).strip().partition("\n")[0]
        return (
            f"torch {torch.__version__} cannot compute on {describe(device)}, capability {major}.{minor}: "
            f"{reason}"
        )
    return None


def describe(device):
    """Return the name of a device for people, such as "cpu" or "cuda:1 (Tesla T4)"."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def place_of(device, dtype):
    """Return a device and a precision for people.

    >>> place_of(torch.device("cpu"), torch.bfloat16)
    'cpu in bf16'
    """
    return f"{describe(device)} in {next(name for name, known in _DTYPES.items() if known == dtype)}"


def choose_dtype(name, device):
    """Return the torch dtype of fp32, bf16, fp16 or auto: bf16 if the device multiplies it faster."""
    if name == "auto":
        name = "bf16" if (gpu_has_bf16(device) if device.type == "cuda" else cpu_has_bf16()) else "fp32"
    return _DTYPES[name]


def gpu_has_bf16(device):
    """Return whether a GPU multiplies bf16. Older NVIDIA GPUs, such as T4 and V100, emulate it slowly."""
    return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)


def pinned(values, device):
    """Return an array or tensor as a tensor that a copy to the device need not wait for."""
    tensor = torch.as_tensor(values)
    # to copy a tensor with gaps, torch would first gather it in memory that is not pinned
    return tensor.contiguous().pin_memory() if torch.device(device).type in _PINNING else tensor


def upload(values, device):
    """Return an array or tensor as a tensor on a device, without waiting for a GPU."""
    return pinned(values, device).to(device, non_blocking=True)


def free_memory(device):
    """Give memory that torch keeps for later use back to the GPU; on a CPU do nothing."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def is_out_of_memory(error):
    """Return whether an exception of torch says that the memory of a device is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _FULL)


def cpu_has_bf16():
    """Return whether the CPU has instructions that multiply bf16."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return not set(_CPU_FLAGS).isdisjoint(file.read().split())
    except OSError:
        return False


def prepare_training(device, dtype):
    """Let a GPU choose its convolutions for training: in fp32 those that repeat, otherwise the fastest.

    The shapes of a training run do not change, so trying all of them once pays.
    """
    torch.backends.cudnn.deterministic = dtype == torch.float32
    torch.backends.cudnn.benchmark = device.type == "cuda" and dtype != torch.float32


def is_wrong_in_bf16(layer):
    """Return whether CPUs with AMX compute a layer wrongly in bf16: a convolution in groups of 2 to 12
    channels.

    Measured with torch 2.13 for kernels of 16, 64 and 128; groups of 1, and of 16 and more, are right.
    """
    return isinstance(layer, torch.nn.Conv1d) and 1 < layer.in_channels // layer.groups < 16
