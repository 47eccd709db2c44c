"""Vocoders on a pretended GPU: training without waits, whole runs, and speaking."""

import copy
import dataclasses
import os

import numpy as np
import pytest
import torch
from test_training import TINY, Killed, corpora, kill_at  # noqa: F401 - a fixture

from units.training.vocoder.config import training_defaults
from units.training.vocoder.descent import Descent
from units.training.vocoder.discriminators import Discriminators
from units.training.vocoder.training import VocoderRun
from units.vocoder import batches
from units.vocoder.config import VocoderConfig
from units.vocoder.model import Vocoder, build, load_vocoder

each_arch = pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
CONFIG = {"units": 5, "width": 32, "unit_width": 8, "f0_width": 8}


def run_of(folder, corpora, arch, device, changes=(), **more):  # noqa: F811
    os.makedirs(folder, exist_ok=True)
    settings = dataclasses.replace(training_defaults(arch), **{**TINY, **dict(changes)})
    return VocoderRun(str(folder), VocoderConfig(arch=arch, **CONFIG), settings, *corpora, device, **more)


def descent_of(arch, device):
    """Return a Descent on a device, and a function that takes a step of a batch that is there already."""
    settings = dataclasses.replace(training_defaults(arch), discriminator_width=0.05)
    generator = build(VocoderConfig(arch=arch, **CONFIG))[0].to(device)
    discriminators = Discriminators(settings.discriminators, settings.discriminator_width).to(device)
    descent = Descent(generator, discriminators, settings, device)
    units, f0_hz = torch.zeros(2, 20, dtype=torch.long), torch.full((2, 20), 120.0)
    batch = [x.to(device) for x in (units, f0_hz, units, torch.randn(2, 6400))]
    return descent, lambda number: descent.step(batch, (1e-4, 1e-4), number, slice(0, 3200))


@each_arch
def test_a_step_of_training_never_waits_for_the_gpu(arch, gpu):
    descent, step = descent_of(arch, gpu.device)
    gpu.waits.clear()
    found = [step(number) for number in range(3)]
    assert not gpu.waits
    assert all(np.isfinite(value.item()) for value in found[-1].values())
    assert descent.optimizers[0].state


@each_arch
def test_a_step_with_its_batch_never_waits_either(arch, corpora, gpu, tmp_path):  # noqa: F811
    run = run_of(tmp_path, corpora, arch, gpu.device, {"adversarial_start": 0})
    gpu.waits.clear()
    for _ in range(3):
        run._train_batch()
    run.feed.stop()
    assert not gpu.waits


def test_a_step_in_fp16_with_its_scaled_gradients_never_waits_either(corpora, gpu, tmp_path):  # noqa: F811
    changes = {"adversarial_start": 0, "discriminators": "msd"}
    run = run_of(tmp_path, corpora, "fast", gpu.device, changes, dtype=torch.float16)
    assert run.descent.scaler.is_enabled()
    run._train_batch()  # the scaler makes its factor at the first step
    gpu.waits.clear()
    run._train_batch()
    run.feed.stop()
    assert not gpu.waits


def test_a_step_of_one_of_two_processes_never_waits_either(corpora, gpu, two_processes, tmp_path):  # noqa: F811
    run = run_of(tmp_path, corpora, "fast", gpu.device, {"adversarial_start": 0}, group=two_processes)
    gpu.waits.clear()
    run._train_batch()
    run.feed.stop()
    assert not gpu.waits


@each_arch
def test_a_whole_run_ends_as_on_the_cpu_also_if_it_is_resumed(arch, corpora, gpu, tmp_path):  # noqa: F811
    changes = {"epochs": 1, "adversarial_start": 1, "save_every": 1}
    lines = {"cpu": [], "gpu": []}
    run_of(tmp_path / "cpu", corpora, arch, "cpu", changes).run(lines["cpu"].append)
    with pytest.raises(Killed):
        run_of(tmp_path / "gpu", corpora, arch, gpu.device, changes).run(lines["gpu"].append, kill_at(2))
    resumed = run_of(tmp_path / "gpu", corpora, arch, gpu.device, changes)
    resumed.resume()
    resumed.run(lines["gpu"].append)
    for one, other in zip(*lines.values(), strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"seconds"}:
            assert other[name] == pytest.approx(one[name], rel=2e-2, abs=2e-2), name


@each_arch
def test_it_speaks_as_on_the_cpu(arch, corpora, gpu, tmp_path):  # noqa: F811
    run_of(tmp_path / "made", corpora, arch, "cpu", {"epochs": 1}).run()
    run = run_of(tmp_path / "next", corpora, arch, gpu.device, init=str(tmp_path / "made"))
    run._train_batch()
    run.feed.stop()
    here, there = load_vocoder(str(tmp_path / "made")), load_vocoder(str(tmp_path / "made"), gpu.device)
    units = [0, 1, 2, 3, 4] * 9
    assert there.predict_f0(units) == pytest.approx(here.predict_f0(units), rel=1e-3, abs=1e-2)
    assert there.predict_counts(units) == here.predict_counts(units)
    f0_hz = here.predict_f0(units)
    one, other = (np.concatenate(list(v.speak(units, f0_hz))) for v in (here, there))
    np.testing.assert_allclose(other, one, atol=1e-3)
    if here.speaks_together:
        plans = [(units[:20], f0_hz[:20], 0), (units, f0_hz, 0)]
        for one, other in zip(here.speak_together(plans), there.speak_together(plans), strict=True):
            np.testing.assert_allclose(other, one, atol=1e-3)


def test_records_spoken_in_batches_sound_as_each_alone_on_the_cpu(gpu):
    torch.manual_seed(0)
    config = VocoderConfig(arch="fast", **CONFIG)
    networks = build(config)
    torch.nn.init.normal_(networks[0].head.weight, std=0.3)
    here = Vocoder(config, *networks)
    there = Vocoder(config, *copy.deepcopy(networks), gpu.device)
    plans = [([number % 5] * number, [100.0 + number] * number, 0) for number in (9, 40, 33, 12)]
    spoken = list(batches.utterances(plans, lambda plan: plan, there))
    assert max(len(each.batch) for each in spoken) > 1
    for plan, each in zip(plans, spoken, strict=True):
        wave, alone = (np.concatenate(list(waves)) for waves in (each.pieces(there), here.speak(*plan)))
        assert alone.std() > 0.01
        np.testing.assert_allclose(wave, alone, atol=1e-3)
