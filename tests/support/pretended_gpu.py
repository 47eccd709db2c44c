"""A pretended GPU: tensors that compute on the CPU, but say that they are on another device.

    with PretendedGpu() as gpu:
        network.to(gpu.device)
        network(torch.zeros(2, 3, device=gpu.device))
    gpu.waits                             # {"vocoder/model.py:90 item": 1}

An operation on tensors of both devices raises RuntimeError, as on a real GPU; so does `numpy()`. Whatever
makes the processor wait until a GPU has computed is counted in `waits`, by file, line and name.

It rests on parts of torch that may change: `PROBLEM` says what is missing, and is None if all is there. It
changes torch for the whole process: `inference_mode` becomes `no_grad`, because views of parameters cannot be
made in it here. So import it before `units`, in a process of its own. It has no autocast of CUDA, and
`is_cuda` is False.
"""

import collections
import contextlib
import traceback
import types

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

try:
    from torch.utils._python_dispatch import return_and_correct_aliasing
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    PROBLEM = None
except ImportError as error:
    PROBLEM = f"torch {torch.__version__} cannot play a device in Python: {error}"

aten = torch.ops.aten
_COPIES = {aten._to_copy.default, aten.copy_.default, aten._local_scalar_dense.default}
# A GPU accepts an index that is on the CPU.
_INDEXING = {
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
_WAITING = {"item", "tolist", "cpu", "nonzero", "unique_consecutive"}
_WAITING |= {"__bool__", "__float__", "__int__", "__index__"}


def register():
    """Give torch the device; return it. Changes torch for the whole process."""
    module = types.SimpleNamespace(
        get_amp_supported_dtype=lambda: [torch.bfloat16, torch.float16],
        is_available=lambda: True,
        is_initialized=lambda: True,
        current_device=lambda: 0,
        device_count=lambda: 1,
        manual_seed_all=lambda seed: None,
        get_rng_state=lambda device: None,
        set_rng_state=lambda state, device: None,
        _is_in_bad_fork=lambda: False,
    )
    _setup_privateuseone_for_python_backend("pretended", backend_module=module)
    library = torch.library.Library("_", "IMPL")
    library.fallback(torch.library.fallthrough_kernel, dispatch_key="AutocastPrivateUse1")
    _KEPT.append(library)
    torch.inference_mode = torch.no_grad
    return torch.device("pretended", 0)


_KEPT = []  # libraries, which torch forgets when they are collected
DEVICE = None if PROBLEM else register()


class Twin(torch.Tensor):
    """A tensor of the pretended GPU. held: the tensor of the CPU that has its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        """Return a tensor without values, of the shape, strides and type of a real one."""
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
            requires_grad=False,
        )

    def __init__(self, held):
        self.held = held

    def __repr__(self, **_options):
        return f"Twin({self.held})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Compute on the CPU."""
        return _compute(func, args, kwargs or {})


def _real(value):
    return value.held if isinstance(value, Twin) else value


def _twin(value):
    if not isinstance(value, torch.Tensor) or isinstance(value, Twin):
        return value
    # Operations in a handler ignore that a tensor is to be read as its conjugate or its negative.
    if value.is_conj():
        value = torch.conj_physical(value._conj())
    if value.is_neg():
        value = -value._neg_view()
    return Twin(value)


def _compute(func, args, kwargs):
    """Run an operation of which an argument, or the result, is on the pretended GPU."""
    tensors = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    on_gpu = any(isinstance(x, Twin) for x in tensors)
    _refuse_mixed(func, args, tensors, on_gpu)
    device = kwargs.get("device")
    if device is not None:
        to_gpu = device.type == DEVICE.type
    else:
        to_gpu = isinstance(args[0], Twin) if func is aten.copy_.default else on_gpu
    real_args, real_kwargs = pytree.tree_map(_real, (args, kwargs))
    real_kwargs.pop("pin_memory", None)
    if device is not None:
        real_kwargs["device"] = torch.device("cpu")
    made = func(*real_args, **real_kwargs)
    if func is aten._local_scalar_dense.default:
        return made
    if not to_gpu:
        return args[0] if func is aten.copy_.default else made
    made = pytree.tree_map(_twin, made)
    if on_gpu and func is not aten._to_copy.default:
        return return_and_correct_aliasing(func, args, kwargs, made)
    return made


def _refuse_mixed(func, args, tensors, on_gpu):
    """Raise RuntimeError if there are tensors of both devices. Those of one number may be mixed."""
    shapes = [tuple(x.shape) for x in tensors if not isinstance(x, Twin) and x.dim()]
    indexed = func in _INDEXING and isinstance(args[0], Twin)
    if on_gpu and shapes and func not in _COPIES and not indexed:
        raise RuntimeError(
            f"Expected all tensors to be on the same device: {func} has one on {DEVICE}, on the CPU: {shapes}"
        )


class _Creation(TorchDispatchMode):
    """Makes tensors that are created on the pretended GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        created = getattr(kwargs.get("device"), "type", "") == DEVICE.type
        if created or any(isinstance(x, Twin) for x in pytree.tree_leaves((args, kwargs))):
            return _compute(func, args, kwargs)
        return func(*args, **kwargs)


class _Waits(TorchFunctionMode):
    """Counts what would wait for a GPU."""

    def __init__(self, waits):
        super().__init__()
        self.waits = waits

    def note(self, name):
        """Count a wait at the line of units, or of a model of transformers, that causes it."""
        frames = [
            f for f in traceback.extract_stack() if "/units/" in f.filename or "/transformers/" in f.filename
        ]
        place = f"{frames[-1].filename.rpartition('/units/')[2]}:{frames[-1].lineno} " if frames else ""
        self.waits[f"{place}{name}"] += 1

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        device = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and device is not None and torch.device(device) == DEVICE:
            self.note("upload of values")
            del kwargs["device"]
            with torch._C.DisableTorchFunction():
                made = func(*args, **kwargs)
            return made.to(DEVICE)
        if name == "to" and len(args) == 2 and isinstance(args[1], Twin):  # to the device of a tensor
            if not isinstance(args[0], Twin):
                self.note("upload")
            args = (args[0], args[1].device, args[1].dtype)
        elif name == "to" and not isinstance(args[0], Twin) and _is_upload(args, kwargs):
            self.note("upload")
        if args and isinstance(args[0], Twin):
            return self._of_twin(func, name, args, kwargs)
        return func(*args, **kwargs)

    def _of_twin(self, func, name, args, kwargs):
        if name in _WAITING:
            self.note(name)
        if name == "tolist":
            return args[0].held.tolist()
        if name in ("numpy", "__array__"):
            raise TypeError("a tensor of the pretended GPU cannot be converted to numpy")
        if name in ("__getitem__", "__setitem__"):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            index = tuple(self._indexed(part, name) for part in index)
            args = (args[0], index if isinstance(args[1], tuple) else index[0], *args[2:])
        return func(*args, **kwargs)

    def _indexed(self, part, name):
        if isinstance(part, list):
            self.note("index by a list")
            return torch.tensor(part)
        if isinstance(part, torch.Tensor) and part.dtype == torch.bool and name == "__getitem__":
            self.note("index by a mask")
        return part


def _is_upload(args, kwargs):
    """Return whether `tensor.to(...)` copies from pageable memory, and so waits."""
    wanted = [x for x in (*args[1:], kwargs.get("device")) if isinstance(x, (torch.device, str))]
    return any(torch.device(x).type == DEVICE.type for x in wanted) and not kwargs.get("non_blocking")


class PretendedGpu(contextlib.ExitStack):
    """The pretended GPU, for the block. waits: Counter of what would wait for it."""

    device = DEVICE

    def __enter__(self):
        super().__enter__()
        self.waits = collections.Counter()
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        self.callback(torch.__future__.set_overwrite_module_params_on_conversion, before)
        self.enter_context(_Waits(self.waits))
        self.enter_context(_Creation())
        return self
