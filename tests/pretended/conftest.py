"""Tests on a pretended GPU, in a process of their own: tests/library/test_pretended_gpu.py starts it."""

import pretended_gpu  # before any module of units that uses torch

# isort: split
import contextlib

import pytest
import torch

from units import devices
from units.encoders.transformer import Transformer
from units.training import distributed, run

_to_host = Transformer._to_host


def to_host(encoder, hidden):
    """Stand for Transformer._to_host, which knows a GPU by its name."""
    encoder.asynchronous = True
    return _to_host(encoder, hidden)


class Event:
    """Stands for torch.cuda.Event: what the pretended GPU is given to do, it has done."""

    def __init__(self, blocking):
        self.recorded = False

    def record(self, _stream):
        self.recorded = True

    def synchronize(self):
        assert self.recorded


@pytest.fixture
def gpu(monkeypatch):
    """Play a GPU; see tests/support/pretended_gpu.py. Encoders take their path for a GPU."""
    if pretended_gpu.PROBLEM:
        pytest.skip(pretended_gpu.PROBLEM)
    if torch.inference_mode is not torch.no_grad:
        pytest.skip("run these tests by tests/library/test_pretended_gpu.py, in a process of their own")
    monkeypatch.setattr(Transformer, "_to_host", to_host)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: None)
    monkeypatch.setattr(run, "LEAST_SECONDS", 0)
    monkeypatch.setattr(Transformer, "_on_device", lambda _self: contextlib.nullcontext())
    monkeypatch.setattr(devices, "_PINNING", (*devices._PINNING, pretended_gpu.DEVICE.type))
    with pretended_gpu.PretendedGpu() as gpu:
        yield gpu


@pytest.fixture
def two_processes(gpu, monkeypatch):
    """Play two processes that train together, of which only the first exists; return their Group."""
    for name in ("all_reduce", "broadcast", "barrier"):
        monkeypatch.setattr(distributed.dist, name, lambda *_arguments: None)
    monkeypatch.setattr(distributed, "_device", lambda: gpu.device)
    return distributed.Group(0, 2)
