"""Which operations of torch make a program wait until the GPU has computed.

Called by the pretended GPU with each operation that has to do with it; see pretended_gpu.py.
"""

import os

import torch

aten = torch.ops.aten
# A GPU accepts an index that is on the CPU, and uploads it.
INDEXING = {
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
_UNITS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "units", ""))
_DEVICES = os.path.join(_UNITS, "devices.py")  # its `upload` has callers
# The CPU reads values, or the size of a result that depends on them.
_SIZED_BY_VALUES = ("nonzero", "masked_select", "unique_consecutive", "_unique2", "unique_dim", "bincount")
_WAITING = {"_local_scalar_dense": "item", "equal": "equal", **{name: name for name in _SIZED_BY_VALUES}}


def wait_of(func, args, kwargs):
    """Return why an operation waits for the GPU, or None."""
    if func is aten._to_copy.default:
        to_gpu = kwargs.get("device", args[0].device).type != "cpu"
        return _copy(args[0], _on_gpu(args[0]), to_gpu, kwargs.get("non_blocking"))
    if func is aten.copy_.default:
        to_gpu, (to, source) = _on_gpu(args[0]), args[:2]
        non_blocking = kwargs.get("non_blocking", len(args) > 2 and args[2])
        return _copy(source if to_gpu else to, _on_gpu(source), to_gpu, non_blocking)
    if func in INDEXING:
        return _index_wait(func, *args[1:3])
    return _WAITING.get(func._schema.name.removeprefix("aten::"))


def _on_gpu(tensor):
    return tensor.device.type != "cpu"


def _copy(on_cpu, from_gpu, to_gpu, non_blocking):
    """Return why a copy waits, or None. on_cpu: its tensor on the CPU.

    torch first copies what is not contiguous into memory that is not pinned.
    """
    if from_gpu == to_gpu or (non_blocking and _is_pinned(on_cpu) and on_cpu.is_contiguous()):
        return None
    return "upload" if to_gpu else "copy to the CPU"


def _index_wait(func, indices, values=None):
    """Return why an index makes an operation wait, or None."""
    given = [index for index in indices if index is not None]
    if any(not _on_gpu(index) for index in given):
        return "upload of an index"
    if any(index.dtype in (torch.bool, torch.uint8) for index in given):
        one_value = func is not aten.index.Tensor and values.numel() == 1  # as torch's masked_fill
        return None if one_value else "index by a mask"
    return None


def _is_pinned(tensor):
    return getattr(tensor, "pretended_to_be_pinned", False)


def pinned(tensor, *_device):
    """Stand for Tensor.pin_memory, which needs a real GPU and keeps the strides, as this does."""
    if _is_pinned(tensor):
        return tensor
    copied = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype).copy_(tensor)
    copied.pretended_to_be_pinned = True
    return copied


def file_of(path):
    """Return a file of units or of transformers, for people; None for other files."""
    path = os.path.realpath(path)
    if path.startswith(_UNITS + os.sep) and path != _DEVICES:
        return os.path.relpath(path, _UNITS)
    _, found, rest = path.rpartition("site-packages/transformers/")
    return f"transformers/{rest}" if found else None
