"""Training an encoder on a pretended GPU: rounds, resume, and what waits."""

import dataclasses
import os

import numpy as np
import pytest
import torch
from test_pretraining import CONFIG, SHAPE, toy

from units.encoders.network import Network
from units.training.encoder.config import AugmentConfig
from units.training.encoder.training import EncoderRun
from units.training.run import CHECK_EVERY

SHORT = dataclasses.replace(CONFIG, steps=4, save_every=2, augment=AugmentConfig())


def run_of(folder, device, config=SHORT, **more):
    os.makedirs(folder / "cache", exist_ok=True)
    corpora = toy(), toy((2.0, 2.0), seed=1)
    return EncoderRun(str(folder), SHAPE, config, *corpora, torch.device(device), "fp32", **more)


def test_two_rounds_end_as_on_the_cpu(gpu, tmp_path):
    lines = {"cpu": [], "gpu": []}
    run_of(tmp_path / "cpu", "cpu").run(lines["cpu"].append)
    run_of(tmp_path / "gpu", gpu.device).run(lines["gpu"].append)
    for one, other in zip(*lines.values(), strict=True):
        for name in ("loss", "norm", "held_out_loss"):
            assert name not in one or other[name] == pytest.approx(one[name], rel=5e-2), name


def test_a_run_is_resumed(gpu, tmp_path):
    run_of(tmp_path, gpu.device).run()
    again = run_of(tmp_path, gpu.device)
    again.resume()
    assert again.step == SHORT.steps


def test_a_step_never_waits_for_the_gpu(gpu, tmp_path):
    run = run_of(tmp_path, gpu.device)
    run.targets, _ = run._targets()
    made = [run._batch(step) for step in range(3)]
    run.start_clock()
    gpu.waits.clear()
    found = [run._train(batch) for batch in made]
    assert not gpu.waits
    assert np.isfinite(found[-1]["loss"].item())


def test_two_processes_wait_for_the_gpu_only_when_they_look_at_the_losses(gpu, two_processes, tmp_path):
    steps = 2 * CHECK_EVERY
    config = dataclasses.replace(SHORT, steps=steps, rounds=1, save_every=10 * steps)
    run = run_of(tmp_path, gpu.device, config, group=two_processes)
    run.targets, run.held_out_targets = targets = run._targets()
    run._targets = lambda: targets
    run.start_clock()
    gpu.waits.clear()
    run._run_round(lambda _line: None, lambda *_: None)
    assert run.step == steps
    assert set(gpu.waits.values()) == {2}, gpu.waits  # each place once for each look


@pytest.mark.parametrize(
    "kind",
    [
        {"rounds": 1, "online_layers": 2, "codewords": 8, "fade": 0.5},
        {"rounds": 0, "objective": "swapped", "codewords": 8},
    ],
    ids=["codewords", "swapped"],
)
def test_other_objectives_end_as_on_the_cpu_and_never_wait(gpu, tmp_path, kind):
    lines, config = {"cpu": [], "gpu": []}, dataclasses.replace(SHORT, **kind)
    for name, device in (("cpu", "cpu"), ("gpu", gpu.device)):
        torch.manual_seed(3)
        initial = Network(SHAPE) if "objective" in kind else None
        run_of(tmp_path / name, device, config, initial=initial).run(lines[name].append)
    for one, other in zip(*lines.values(), strict=True):
        assert "loss" not in one or other["loss"] == pytest.approx(one["loss"], rel=5e-2)
    initial = Network(SHAPE) if "objective" in kind else None
    run = run_of(tmp_path / "waits", gpu.device, config, initial=initial)
    run.targets, _ = run._targets()
    made = [run._batch(step) for step in range(3)]
    run.start_clock()
    gpu.waits.clear()
    for batch in made:
        run._train(batch)
    assert not gpu.waits
