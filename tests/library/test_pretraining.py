"""Training of the learned encoder: corpora, batches, masks, targets, the loop and its resumption."""

import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import two_processes
from processes import PYTHONPATH

from units.audio.timing import HOP, RECEPTIVE_FIELD
from units.codebook.entropy import perplexity
from units.encoders.learned import load_network
from units.encoders.network import Network, NetworkConfig
from units.records import InputError
from units.training.encoder import batches, corpus, targets
from units.training.encoder.config import AugmentConfig, PretrainingConfig
from units.training.encoder.training import EncoderRun

NONE = AugmentConfig(speed=0, pitch=0, formants=0, noise=0)
SHAPE = NetworkConfig(bands=10, width=32, layers=2, heads=2, feedforward=32, conv_kernel=3, default_layer=1)
CONFIG = PretrainingConfig(
    steps=24,
    rounds=2,
    clusters=(6, 8),
    target_layer=1,
    batch_seconds=4,
    crop_seconds=1,
    warmup=2,
    save_every=5,
    augment=NONE,
)


def toy(seconds=(3.0, 0.5, 2.0, 4.0), seed=0):
    """Return an AudioCorpus of noises, each of which changes its colour ten times a second."""
    random = np.random.default_rng(seed)
    audio = []
    for length in seconds:
        blocks = []
        for _ in range(int(length * 10)):
            tone = np.sin(2 * np.pi * random.choice([300, 900, 2500, 5000]) * np.arange(1600) / 16000)
            blocks.append(tone * 0.3 + 0.02 * random.standard_normal(1600))
        audio.append((np.concatenate(blocks) * 32767).astype(np.int16))
    return corpus.AudioCorpus(np.concatenate(audio), np.cumsum([len(a) for a in audio]))


def run_of(folder, config=CONFIG, **more):
    os.makedirs(folder / "cache", exist_ok=True)
    held_out = toy((2.0, 2.0), seed=1)
    return EncoderRun(str(folder), SHAPE, config, toy(), held_out, dtype="fp32", **more)


def weights(run):
    return {name: tensor.clone() for name, tensor in run.average.state_dict().items()}


def test_every_frame_is_drawn_about_equally_often():
    made, random = toy(), np.random.default_rng(0)
    drawn = np.zeros(made.frames.sum())
    for _ in range(300):
        for recording, first in zip(*made.draw_crops(8, 20, random), strict=True):
            begin = made.first_frames[recording]
            drawn[begin + first : begin + min(first + 20, made.frames[recording])] += 1
    inner = np.r_[30:120, 200:230, 300:440]  # the ends of a recording are in fewer crops
    assert drawn[inner].min() > 0.5 * drawn[inner].mean()


def test_spans_are_masked_as_often_as_theory_says_and_never_in_padding():
    real = np.ones((200, 400), bool)
    real[:100, 250:] = False
    masked = batches.mask(real, PretrainingConfig(), np.random.default_rng(0))
    assert not (masked & ~real).any() and masked.any(axis=1).all()
    assert masked[real].mean() == pytest.approx(1 - (1 - 0.065) ** 10, abs=0.03)


def test_a_batch_follows_from_its_generator_alone():
    made = toy()
    units = np.arange(made.frames.sum()) % 7
    config = replace(CONFIG, augment=AugmentConfig())
    one, same, other = (
        batches.draw_batch(made, units, config, np.random.default_rng(seed))
        for seed in ([0, 5], [0, 5], [0, 6])
    )
    assert np.array_equal(one.tapes, same.tapes) and np.array_equal(one.targets, same.targets)
    assert one.plans == same.plans and not np.array_equal(one.tapes, other.tapes)


def test_a_crop_has_the_audio_and_the_targets_of_its_own_place():
    made = toy()
    units = np.arange(made.frames.sum())
    batch = batches.draw_batch(made, units, CONFIG, np.random.default_rng(0), augmented=False)
    for tape, row, real in zip(batch.tapes, batch.targets, batch.real, strict=True):
        recording = np.searchsorted(made.first_frames, row[0], side="right") - 1
        first = row[0] - made.first_frames[recording]
        own = made.samples(recording, first * HOP, first * HOP + len(tape))
        np.testing.assert_array_equal(tape[: len(own)], own)
        assert not tape[len(own) :].any()
        np.testing.assert_array_equal(row[real], row[0] + np.arange(real.sum()))


def test_a_faster_crop_takes_its_targets_along():
    made = toy((30.0,))
    units = np.arange(made.frames.sum())
    config = replace(CONFIG, augment=replace(NONE, speed=0.25))
    batch = batches.draw_batch(made, units, config, np.random.default_rng(1))
    for plan, row, real in zip(batch.plans, batch.targets, batch.real, strict=True):
        assert np.polyfit(np.flatnonzero(real), row[real], 1)[0] == pytest.approx(plan.speed, abs=0.01)


def test_targets_tell_sounds_apart():
    made = toy((6.0, 6.0))

    def encode(samples):
        count = (len(samples) - RECEPTIVE_FIELD) // HOP + 1
        windows = np.stack([samples[i * HOP : i * HOP + 400] for i in range(count)])
        return np.abs(np.fft.rfft(windows))[:, ::4].astype(np.float32)

    (units,) = targets.clusters([made], encode, 4, 0)
    assert len(units) == made.frames.sum() and len(set(units.tolist())) == 4
    assert perplexity(np.bincount(units)) > 3


def test_what_is_learned_is_to_guess_what_was_not_heard(tmp_path):
    lines = []
    run = run_of(tmp_path, replace(CONFIG, steps=200, rounds=1, save_every=40, lr=5e-3))
    run.run(lines.append)
    assert lines[-1]["held_out_loss"] < 0.9 * lines[0]["held_out_loss"]
    assert 1 <= lines[-1]["guess_perplexity"] <= 6 and 1 <= lines[-1]["target_perplexity"] <= 6
    assert {"step", "round", "seconds", "loss", "norm", "held_out_accuracy"} <= set(lines[0])


@pytest.mark.parametrize("stop", [7, 14])
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, stop):
    whole = run_of(tmp_path / "whole")
    whole.run()

    class Stop(Exception):
        pass

    def progress(step, _seconds, _share):
        if step == stop:
            raise Stop

    cut = run_of(tmp_path / "cut")
    with pytest.raises(Stop):
        cut.run(progress=progress)
    again = run_of(tmp_path / "cut")
    again.resume()
    assert again.step == stop // 5 * 5
    again.run()
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(again)[name]), name


def test_the_rate_rises_in_each_round_and_falls_at_the_end(tmp_path):
    rates = []
    run = run_of(tmp_path, replace(CONFIG, steps=40, decay=0.25, warmup=5))
    run.run(progress=lambda _step, _seconds, _share: rates.append(run.optimizer.param_groups[0]["lr"]))
    assert len(rates) == 40
    assert rates[0] < rates[4] == rates[19] and rates[20] < rates[25] and rates[-1] < 0.2 * rates[29]


def test_a_run_ends_when_its_hours_do(tmp_path):
    clock = iter(np.arange(0, 1e6, 36.0))
    run = run_of(tmp_path, replace(CONFIG, steps=10**6, max_hours=0.1, rounds=1), clock=lambda: next(clock))
    run.run()
    assert 9 <= run.step <= 11
    assert (tmp_path / "weights.safetensors").exists()


def test_a_run_that_diverges_names_the_step_and_leaves_sound_files(tmp_path):
    run = run_of(tmp_path, replace(CONFIG, rounds=1))
    train = run._train

    def diverge(batch):
        if run.step == 13:
            run.network.mask.data.fill_(np.nan)
        return train(batch)

    run._train = diverge
    with pytest.raises(InputError, match="training diverged at step 13: "):
        run.run()
    assert all(weight.isfinite().all() for weight in load_network(str(tmp_path)).state_dict().values())
    again = run_of(tmp_path, replace(CONFIG, rounds=1))
    again.resume()
    assert again.step == 10


def test_adapting_starts_from_the_weights_and_from_their_own_clusters(tmp_path):
    torch.manual_seed(5)
    network = Network(SHAPE)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    run = run_of(tmp_path, replace(CONFIG, steps=1, rounds=1, lr=1e-9), initial=network)
    run.run()
    for name, weight in weights(run).items():
        np.testing.assert_allclose(weight, before[name], atol=1e-6)
    plain = run_of(tmp_path / "plain", replace(CONFIG, steps=1, rounds=1))
    plain.run()
    assert not np.array_equal(run.targets, plain.targets)


def test_two_processes_do_what_one_does_with_the_whole_batch(tmp_path):
    lines = []
    run_of(tmp_path / "one", replace(CONFIG, steps=6, rounds=1, save_every=2)).run(lines.append)
    (tmp_path / "two").mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": PYTHONPATH,
        "OMP_NUM_THREADS": "1",
    }
    two_processes.run(__file__, tmp_path / "two", environment)
    found = [json.loads(line) for line in (tmp_path / "two" / "lines").read_text().splitlines()]
    assert len(found) == len(lines) > 1
    for one, two in zip(lines, found, strict=True):
        assert two["held_out_loss"] == pytest.approx(one["held_out_loss"], rel=1e-4)
        if "loss" in one:
            assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)


def one_of_two(folder):
    """What each process of the test above does."""
    from pathlib import Path

    from units.training.distributed import join

    group, _ = join(torch.device("cpu"))
    run = run_of(Path(folder), replace(CONFIG, steps=6, rounds=1, save_every=2), group=group)
    lines = []
    run.run(lines.append)
    if group.first:
        Path(folder, "lines").write_text("".join(json.dumps(line) + "\n" for line in lines))
    group.wait()


if __name__ == "__main__":
    one_of_two(sys.argv[1])
