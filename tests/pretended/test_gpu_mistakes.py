"""Mistakes, each put into the code for a test: the pretended GPU notices all of them."""

import numpy as np
import pytest
import torch
from test_encoders import SPEECH
from test_gpu_encoders import LENGTHS, loaded  # noqa: F401 - a fixture
from test_gpu_vocoders import corpora, descent_of, run_of  # noqa: F401 - a fixture

from units.devices import upload
from units.encoders import learned, utterance_norm
from units.encoders.huggingface import HuggingFace
from units.training.vocoder import losses
from units.training.vocoder.descent import Descent
from units.vocoder import source

MIXED = "must be on the same device|Expected all tensors to be on the same device"


def left_on_the_cpu(values, _device):
    """Stand for `upload` in code that forgot the device."""
    return torch.as_tensor(values)


def launch(encoder):
    encoder.asynchronous = True
    encoder.launch([next(encoder.pieces(SPEECH[:n])) for n in LENGTHS])()


@pytest.mark.parametrize(("kind", "module"), [("learned", learned), ("hubert-base", utterance_norm)])
def test_a_mask_or_statistics_of_an_encoder_left_on_the_cpu(kind, module, loaded, gpu, monkeypatch):  # noqa: F811
    encoder = loaded(kind, 1, str(gpu.device))
    monkeypatch.setattr(module, "upload", left_on_the_cpu)
    with pytest.raises(RuntimeError, match=MIXED):
        launch(encoder)


def test_audio_of_an_encoder_that_is_left_on_the_cpu(loaded, gpu, monkeypatch):  # noqa: F811
    encoder = loaded("mms", 1, str(gpu.device))
    monkeypatch.setattr(HuggingFace, "_to_device", lambda self, tensor: tensor)
    with pytest.raises(RuntimeError, match=MIXED):
        launch(encoder)


def test_a_window_that_is_not_a_buffer(gpu, monkeypatch):
    class Forgetful(losses.LogMel):
        def __init__(self):
            super().__init__()
            window = self.window
            del self.window
            self.window = window

    monkeypatch.setattr("units.training.vocoder.descent.LogMel", Forgetful)
    _, step = descent_of("v1", gpu.device)
    with pytest.raises(RuntimeError, match=MIXED):
        step(0)


def test_an_arange_that_is_made_on_the_cpu(gpu, monkeypatch):
    arange = torch.arange

    def without_device(*args, **kwargs):
        return arange(*args, **{name: value for name, value in kwargs.items() if name != "device"})

    _, step = descent_of("fast", gpu.device)
    monkeypatch.setattr(source.torch, "arange", without_device)
    with pytest.raises(RuntimeError, match=MIXED):
        step(0)


def test_a_loss_that_is_read_in_each_step(gpu, monkeypatch):
    run = Descent._generators_losses

    def curious(self, *args):
        found = run(self, *args)
        found["mel"].item()
        return found

    monkeypatch.setattr(Descent, "_generators_losses", curious)
    _, step = descent_of("fast", gpu.device)
    gpu.waits.clear()
    step(0)
    assert sum(gpu.waits.values()) == 1 and next(iter(gpu.waits)).endswith("item")


def pinned(*size):
    return torch.zeros(*size).pin_memory()


COPIES = {  # name: (a copy that waits, one that does not)
    "upload of numbers": (lambda d: torch.tensor([1, 2], device=d), lambda d: torch.ones(2, device=d)),
    "upload of an array": (
        lambda d: torch.as_tensor(np.zeros(3), device=d),
        lambda d: upload(np.zeros(3), d),
    ),
    "upload of pageable memory": (
        lambda d: torch.zeros(3).to(d, non_blocking=True),
        lambda d: pinned(3).to(d, non_blocking=True),
    ),
    "upload that blocks": (lambda d: pinned(3).to(d), lambda d: pinned(3).to(d, non_blocking=True)),
    "upload of every second row": (
        lambda d: pinned(4, 2)[::2].to(d, non_blocking=True),
        lambda d: upload(torch.zeros(4, 2)[::2], d),
    ),
    "copy into a tensor": (
        lambda d: torch.ones(3, device=d).copy_(torch.zeros(3)),
        lambda d: torch.ones(3, device=d).copy_(torch.ones(3, device=d)),
    ),
    "copy to the CPU": (
        lambda d: torch.ones(3, device=d).cpu(),
        lambda d: torch.empty(3, pin_memory=True).copy_(torch.ones(3, device=d), non_blocking=True),
    ),
    "index that is on the CPU": (
        lambda d: torch.ones(3, device=d)[[0, 2]],
        lambda d: torch.ones(3, device=d)[torch.ones(2, dtype=torch.long, device=d)],
    ),
    "choice by a mask": (
        lambda d: (x := torch.ones(3, device=d))[x > 0],
        lambda d: (x := torch.ones(3, device=d)).__setitem__(x > 0, 2.0),
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_that_waits_and_one_that_does_not(name, gpu):
    waits, does_not = COPIES[name]
    gpu.waits.clear()
    does_not(gpu.device)
    assert not gpu.waits
    waits(gpu.device)
    assert sum(gpu.waits.values()) == 1


def test_a_batch_that_is_not_pinned(corpora, gpu, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("units.training.vocoder.feed.pinned", left_on_the_cpu)
    run = run_of(tmp_path, corpora, "fast", gpu.device)
    gpu.waits.clear()
    run._train_batch()
    run.feed.stop()
    ((place, count),) = gpu.waits.items()
    assert count == 4 and place.startswith("training/vocoder/feed.py:")


def test_a_question_about_values(gpu):
    values = torch.zeros(3, device=gpu.device)
    gpu.waits.clear()
    if values.any():
        raise AssertionError
    values[values > 0]
    assert sum(gpu.waits.values()) == 2


def test_numpy_of_a_tensor_that_was_not_copied(gpu):
    with pytest.raises(TypeError, match="cannot be converted to numpy"):
        torch.zeros(3, device=gpu.device).numpy()
