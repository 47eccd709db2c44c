"""A pretended GPU: tensors that compute on the CPU, but say that they are on another device.

    with PretendedGpu() as gpu:
        network.to(gpu.device)
        network(torch.zeros(2, 3, device=gpu.device))
    gpu.waits                             # {"vocoder/model.py:90 item": 1}

An operation on tensors of both devices raises RuntimeError, as on a real GPU; so does `numpy()`. Whatever
makes the processor wait until a GPU has computed is counted in `waits`, by file, line and name: a value that
is read, a result whose size depends on values, and a copy between the devices, unless it is non-blocking and
its memory on the CPU is pinned. `pin_memory()` is pretended, too, in all threads.

It rests on parts of torch that may change: `PROBLEM` says what is missing, and is None if all is there. It
changes torch for the whole process: `inference_mode` becomes `no_grad`, because views of parameters cannot be
made in it here. So import it before `units`, in a process of its own. It has no autocast of CUDA, and
`is_cuda` is False.
"""

import collections
import contextlib
import sys
import types

import torch
from gpu_waits import INDEXING, file_of, pinned, wait_of
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
_COPIES = {aten._to_copy.default, aten.copy_.default, aten._local_scalar_dense.default}


def register():
    """Give torch the device; return it and what torch must keep. Changes torch for the whole process."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

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
    torch.inference_mode = torch.no_grad
    return torch.device("pretended", 0), library


DEVICE = PROBLEM = None
try:
    from torch.utils._python_dispatch import return_and_correct_aliasing

    DEVICE, _LIBRARY = register()  # torch would forget the library if it were not kept
except (ImportError, AttributeError, TypeError, RuntimeError) as error:
    PROBLEM = f"torch {torch.__version__} cannot play a device in Python: {error}"


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
    if wait := wait_of(func, args, kwargs):
        PretendedGpu.count(wait)
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
    indexed = func in INDEXING and isinstance(args[0], Twin)
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


class _PythonCalls(TorchFunctionMode):
    """Does what torch's C++ would do before any operation, and could not do for this device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        device = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and device is not None and torch.device(device) == DEVICE:
            del kwargs["device"]
            with torch._C.DisableTorchFunction():
                made = func(*args, **kwargs)
            return made.to(DEVICE)
        if kwargs.pop("pin_memory", False):
            return pinned(func(*args, **kwargs))
        if name == "to" and len(args) == 2 and isinstance(args[1], Twin):  # to the device of a tensor
            args = (args[0], args[1].device, args[1].dtype)
        if args and isinstance(args[0], Twin):
            if name == "tolist":
                return args[0].cpu().tolist()
            if name in ("numpy", "__array__"):
                raise TypeError("a tensor of the pretended GPU cannot be converted to numpy")
            if name in ("__getitem__", "__setitem__"):
                parts = args[1] if isinstance(args[1], tuple) else (args[1],)
                parts = tuple(torch.tensor(x) if isinstance(x, list) else x for x in parts)
                args = (args[0], parts if isinstance(args[1], tuple) else parts[0], *args[2:])
        return func(*args, **kwargs)


class PretendedGpu(contextlib.ExitStack):
    """The pretended GPU, for the block. waits: Counter of what would wait for it."""

    device = DEVICE
    _played = None

    def __enter__(self):
        super().__enter__()
        self.waits = collections.Counter()
        before = torch.__future__.get_overwrite_module_params_on_conversion()
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        self.callback(torch.__future__.set_overwrite_module_params_on_conversion, before)
        torch.Tensor.pin_memory = pinned
        self.callback(delattr, torch.Tensor, "pin_memory")  # torch.Tensor inherits the real one
        PretendedGpu._played = self
        self.callback(setattr, PretendedGpu, "_played", None)
        self.enter_context(_PythonCalls())
        self.enter_context(_Creation())
        return self

    @classmethod
    def count(cls, wait):
        """Count a wait at the line of units, or of transformers, that causes it; `upload` has callers."""
        frame = sys._getframe()
        while frame and not (file := file_of(frame.f_code.co_filename)):
            frame = frame.f_back
        if cls._played:
            cls._played.waits[f"{file}:{frame.f_lineno} {wait}" if frame else wait] += 1
