"""Several processes that train one network: torchrun starts them, each takes its share of every batch.

Gradients are summed over the processes, so N processes do the same as one process with the full batch.
Without torchrun there is one process, and nothing here has any effect.
"""

import atexit
import datetime
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist

from units.records import InputError

# The first process prepares the corpus, and the others wait: for hours, if the corpus is large. NCCL would
# abort the job after ten minutes.
_PATIENCE = datetime.timedelta(days=7)


@dataclass(frozen=True)
class Group:
    """The processes that train together. rank: number of this process; size: number of processes."""

    rank: int = 0
    size: int = 1

    @property
    def first(self):
        """Whether this process writes files and logs."""
        return self.rank == 0

    def own(self, count):
        """Return the slice of a batch of `count` that belongs to this process."""
        return slice(self.rank, count, self.size)

    def sum(self, *tensors):
        """Sum each tensor over all processes, in place."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
            dist.all_reduce(flat)
            parts = flat.split([tensor.numel() for tensor in tensors])
            shaped = [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
            torch._foreach_copy_(list(tensors), shaped)

    def mean(self, *tensors):
        """Average each tensor over all processes, in place."""
        if self.size > 1:
            self.sum(*tensors)
            torch._foreach_div_(list(tensors), self.size)

    def norm(self, part):
        """Return the norm of a vector that is spread over the processes, given the norm of this one's part.

        The gradient is scaled by the number of processes, which the later averaging undoes.
        """
        if self.size == 1:
            return part
        whole = part.detach().square()
        dist.all_reduce(whole)
        whole = whole.sqrt()
        return whole + self.size * part.detach() / whole.clamp(min=1e-12) * (part - part.detach())

    def align(self, *tensors):
        """Give all processes the first one's values, in place: on unlike GPUs they drift apart."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agreed(self, value):
        """Return the first process's value of a number, so that all processes decide alike."""
        if self.size == 1:
            return value
        number = torch.tensor([value], dtype=torch.float64, device=_device())
        dist.broadcast(number, 0)
        return number.item()

    def wait(self):
        """Wait until all processes have come this far."""
        if self.size > 1:
            dist.barrier()


def join(device):
    """Return (Group, device) of this process, as torchrun set them up; the given device without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Group(), device
    if device.type == "cuda":
        if device.index is not None:
            raise InputError(
                f"--device {device}: torchrun gives each process a GPU of its own; use --device cuda, and "
                f"CUDA_VISIBLE_DEVICES={device.index} to choose among them"
            )
        # where the scheduler shows each process one GPU, that GPU has number 0
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", timeout=_PATIENCE, device_id=device)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    atexit.register(_leave)
    return Group(dist.get_rank(), dist.get_world_size()), device


def _leave():
    if dist.is_initialized():
        dist.destroy_process_group()


def _device():
    return torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
