"""Tests on a pretended GPU, in a process of their own: tests/library/test_pretended_gpu.py starts it."""

import pretended_gpu  # before any module of units that uses torch

# isort: split
import contextlib

import pytest
import torch

from units.encoders.transformer import Transformer
from units.training import run


@pytest.fixture
def gpu(monkeypatch):
    """Play a GPU; see tests/support/pretended_gpu.py. Encoders take their path for a GPU."""
    if pretended_gpu.PROBLEM:
        pytest.skip(pretended_gpu.PROBLEM)
    if torch.inference_mode is not torch.no_grad:
        pytest.skip("run these tests by tests/library/test_pretended_gpu.py, in a process of their own")
    monkeypatch.setattr(Transformer, "_to_host", lambda _self, hidden: (hidden.float().cpu(), lambda: None))
    monkeypatch.setattr(run, "LEAST_SECONDS", 0)
    monkeypatch.setattr(Transformer, "_on_device", lambda _self: contextlib.nullcontext())
    with pretended_gpu.PretendedGpu() as gpu:
        yield gpu
