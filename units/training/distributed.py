"""Several processes that train one network: torchrun starts them, each with a share of every batch.

Gradients are summed over the processes, so that N processes do what one does with the whole batch. With no
torchrun there is one process, and nothing here does anything.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Group:
    """This process's number among how many."""

    rank: int = 0
    size: int = 1

    @property
    def first(self):
        """Whether this process writes files and logs."""
        return self.rank == 0

    def own(self, count):
        """Return the slice of a batch of `count` that is this process's."""
        return slice(self.rank, count, self.size)

    def sum(self, *tensors):
        """Add up each tensor over all processes, in place."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
            dist.all_reduce(flat)
            for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(part.reshape(tensor.shape))

    def mean(self, *tensors):
        """Average each tensor over all processes, in place."""
        if self.size > 1:
            self.sum(*tensors)
            for tensor in tensors:
                tensor.div_(self.size)

    def norm(self, part):
        """Return the norm of a vector of which each process has a part, given its part's norm.

        Its gradient is so many times too large as there are processes: right where gradients are averaged.
        """
        if self.size == 1:
            return part
        whole = part.detach().square()
        dist.all_reduce(whole)
        whole = whole.sqrt()
        return whole + self.size * part.detach() / whole.clamp(min=1e-12) * (part - part.detach())

    def agreed(self, value):
        """Return the first process's value of a number, so that all decide alike."""
        if self.size == 1:
            return value
        number = torch.tensor([value], dtype=torch.float64, device=_device())
        dist.broadcast(number, 0)
        return number.item()

    def wait(self):
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


def join(device):
    """Return the Group that torchrun made of this process, and the device of this process in it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Group(), device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Group(dist.get_rank(), dist.get_world_size()), device


def _device():
    return torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
