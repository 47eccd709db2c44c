"""Targets of an encoder other than clusters: codewords of a teacher, labels, and views that must agree."""

import dataclasses
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import two_processes
from hypothesis import given
from hypothesis import strategies as st
from processes import PYTHONPATH
from test_pretraining import CONFIG, SHAPE, run_of, toy, weights

from units.encoders.network import Network
from units.records import InputError, Record
from units.training.distributed import Group
from units.training.encoder import batches, online, pairs, swapped
from units.training.encoder.config import AugmentConfig
from units.training.encoder.labels import read_labels
from units.training.encoder.pairs import Pairs

ONLINE = replace(CONFIG, rounds=1, online_layers=2, codewords=8, fade=0.25, augment=AugmentConfig())
SWAPPED = replace(CONFIG, rounds=0, objective="swapped", codewords=8, augment=AugmentConfig())
EVERY = {"online": ONLINE, "swapped": SWAPPED, "labels": replace(CONFIG, rounds=0)}


def started(folder, kind, **more):
    """Return a run of one kind of objective; swapped prediction starts from a network."""
    if kind == "swapped":
        torch.manual_seed(5)
        more["initial"] = Network(SHAPE)
    if kind == "labels":
        made = run_of(folder, EVERY[kind], labels=4, **more)
        for part in (made.corpus, made.held_out):
            object.__setattr__(part, "labels", np.arange(part.frames.sum()) // 5 % 4)
        return made
    return run_of(folder, EVERY[kind], **more)


@pytest.mark.parametrize("kind", EVERY)
def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, kind):
    whole = started(tmp_path / "whole", kind)
    whole.run()

    class Stop(Exception):
        pass

    def progress(step, _seconds, _share):
        if step == 17:
            raise Stop

    with pytest.raises(Stop):
        started(tmp_path / "cut", kind).run(progress=progress)
    again = started(tmp_path / "cut", kind)
    again.resume()
    assert again.step == 15
    again.run()
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(again)[name]), name


def test_the_teacher_follows_the_network_by_less_and_less():
    network, other = Network(SHAPE), Network(SHAPE)
    made = online.OnlineTargets(network, 1, 4)

    def distance():
        pairs = zip(made.teacher.parameters(), other.parameters(), strict=True)
        return sum((a - b).norm().item() for a, b in pairs)

    moves = []
    for share in (0.0, 0.5, 1.0):
        before = distance()
        made.follow(other, share)
        moves.append(1 - distance() / before)
    assert moves[0] == pytest.approx(0.01, rel=0.01)
    assert moves[0] > 10 * moves[1] > 100 * moves[2] > 0


def test_normalised_frames_do_not_depend_on_a_constant_voice_or_on_padding():
    random = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 30, 5, generator=random)
    real = torch.ones(2, 30, dtype=torch.bool)
    real[1, 20:] = False
    found = online.normalised(frames, real)
    torch.testing.assert_close(online.normalised(3 * frames + 7, real), found, atol=1e-3, rtol=1e-3)
    alone = online.normalised(frames[1:, :20], real[1:, :20])
    torch.testing.assert_close(found[1:, :20], alone)
    assert not found[1, 20:].any()


def test_the_nearest_centre_is_that_of_a_plain_search():
    random = torch.Generator().manual_seed(1)
    frames, centres = (torch.randn(*s, generator=random) for s in ((2, 3, 7, 4), (2, 6, 4)))
    found = online.nearest(frames, centres)
    plain = torch.cdist(frames.flatten(1, 2), centres).argmin(-1).view(2, 3, 7)
    assert torch.equal(found, plain)


def test_each_codeword_stands_for_one_sound_and_none_stays_unused():
    made = online.OnlineTargets(Network(SHAPE), 1, 24)
    random, places = np.random.default_rng(0), torch.arange(60)
    means = 4 * torch.randn(6, SHAPE.width, generator=torch.Generator().manual_seed(2))

    class Teacher(torch.nn.Module):
        layers = (0,)

        def outputs(self, spectra, _real):
            return [means[spectra] + 0.01 * torch.randn(2, 30, SHAPE.width)]

    made.teacher, real = Teacher(), torch.ones(2, 30, dtype=torch.bool)
    for step in range(60):
        sounds = torch.from_numpy(random.integers(0, 6, (2, 30)))
        fresh = torch.from_numpy(random.integers(0, 60, 24))
        codes = made.targets(sounds, real, places, fresh, Group(), first=step == 0)
        if step == 30:
            made.perplexities()
    assert all(len(set(sounds[codes[0] == code].tolist())) <= 1 for code in range(24))
    (perplexity,) = made.perplexities().values()
    assert 6 < perplexity <= 24


def test_clusters_fade_out_over_the_first_part_of_a_run(tmp_path):
    objective = started(tmp_path, "online").objective
    found = [objective._share_of_clusters(share) for share in (0.0, 0.125, 0.25, 1.0)]
    assert found == [1.0, 0.5, 0.0, 0.0]


def test_codewords_are_learned_and_logged(tmp_path):
    lines = []
    run = run_of(tmp_path, replace(ONLINE, steps=200, save_every=40, lr=5e-3, augment=CONFIG.augment))
    run.run(lines.append)
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.8 * losses[0]
    assert all(1.5 < lines[-2][f"codebook_perplexity_{layer}"] <= 8 for layer in (1, 2))


def test_labels_are_learned(tmp_path):
    run = run_of(tmp_path, replace(CONFIG, rounds=0, steps=150, save_every=50, lr=5e-3), labels=4)
    for part in (run.corpus, run.held_out):
        loud = [np.abs(part.samples(i)).max() for i in range(len(part.ends))]
        assert min(loud) > 0
        found = []
        for i in range(len(part.ends)):
            samples = part.samples(i)[: part.frames[i] * 320].reshape(-1, 320)
            peak = np.abs(np.fft.rfft(samples)).argmax(1) * 50
            found.append(np.searchsorted([600, 1700, 4000], peak))
        object.__setattr__(part, "labels", np.concatenate(found))
    lines = []
    run.run(lines.append)
    assert lines[-1]["label_accuracy"] > 0.6
    assert "held_out_loss" not in lines[-1]


def test_views_show_the_same_frames_of_a_recording():
    made = toy((8.0, 6.0))
    config = replace(SWAPPED, augment=AugmentConfig(speed=0.2))
    length = round(config.crop_seconds / 0.02)
    views = batches.draw_views(made, config, np.random.default_rng(0))
    first, second = views.partners.T
    assert len(first) > 0.5 * length * len(views.first.tapes)
    assert np.array_equal(first // length, second // length)
    assert any(a.speed != b.speed for a, b in zip(views.first.plans, views.second.plans, strict=True))


def test_views_of_pairs_follow_their_path():
    made = toy((4.0, 4.0))
    made_pairs = Pairs(np.array([[0, 1]]), [np.array([[50, 100], [51, 100], [52, 101], [53, 102]])])
    config = replace(SWAPPED, augment=CONFIG.augment)
    for seed in range(5):
        random = np.random.default_rng(seed)
        count, length = batches.size(config), 50
        places = made.draw_crops(count, length, random)
        firsts, seconds, paths = made_pairs.draw(made, places, np.ones(count, bool), length, random)
        for row in range(count):
            sources = [np.arange(length) + part[1][row] for part in (firsts, seconds)]
            found = batches._partners(*sources, paths[row])
            shown = np.stack([sources[0][found[:, 0]], sources[1][found[:, 1]]], axis=1)
            if firsts[0][row] == 1:
                shown = shown[:, ::-1]
            assert {tuple(pair) for pair in shown.tolist()} <= {(50, 100), (51, 100), (52, 101), (53, 102)}
            assert len(shown) >= 3


def _slow_cost(one, other):
    """Return the cost of the best path by trying all of them."""
    one, other = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (one, other))
    costs = 1 - one @ other.T

    def best(i, j):
        if i == j == 0:
            return costs[0, 0]
        before = [best(a, b) for a, b in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if a >= 0 and b >= 0]
        return costs[i, j] + min(before)

    return best(len(one) - 1, len(other) - 1)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=4), st.integers(0, 99))
def test_aligned_frames_have_the_cheapest_path(lengths, seed):
    random = np.random.default_rng(seed)
    made = [[random.standard_normal((count, 3)) for count in pair] for pair in lengths]
    for (one, other), path in zip(made, pairs.align(made), strict=True):
        assert path[0].tolist() == [0, 0] and path[-1].tolist() == [len(one) - 1, len(other) - 1]
        assert set(map(tuple, np.diff(path, axis=0).tolist())) <= {(0, 1), (1, 0), (1, 1)}
        cosine = 1 - np.einsum(
            "nd,nd->n",
            *(p / np.linalg.norm(p, axis=1, keepdims=True) for p in (one[path[:, 0]], other[path[:, 1]])),
        )
        assert cosine.sum() == pytest.approx(_slow_cost(one, other), rel=1e-5, abs=1e-6)


def test_pairs_come_from_terms_and_name_frames_of_the_corpus(tmp_path):
    made = dataclasses.replace(
        toy((4.0, 4.0)), records=(Record({"id": "a", "offset": 10.0}), Record({"id": "b"}))
    )
    places = [{"id": "a", "start": 11.0, "end": 11.5}, {"id": "b", "start": 2.0, "end": 2.6}]
    places.append({"id": "elsewhere", "start": 0.0, "end": 1.0})
    (tmp_path / "terms.jsonl").write_text(json.dumps({"term": 1, "occurrences": places}) + "\n")
    random = np.random.default_rng(0)

    def encode(samples):
        return random.standard_normal(((len(samples) - 80) // 320, 4))

    found = pairs.read_pairs([str(tmp_path / "terms.jsonl")], made, encode, 0)
    assert found.recordings.tolist() == [[0, 1]]
    assert found.paths[0][0].tolist() == [50, 100] and found.paths[0][-1].tolist() == [74, 129]


def test_terms_of_other_recordings_are_an_error(tmp_path):
    made = dataclasses.replace(toy((4.0,)), records=(Record({"id": "a"}),))
    places = [{"id": name, "start": 0.0, "end": 1.0} for name in ("x", "y")]
    (tmp_path / "terms.jsonl").write_text(json.dumps({"term": 1, "occurrences": places}) + "\n")
    with pytest.raises(InputError, match="no term has two places in the recordings to train on"):
        pairs.read_pairs([str(tmp_path / "terms.jsonl")], made, lambda samples: samples, 0)


def test_balanced_weights_use_all_prototypes_although_one_scores_best():
    scores = torch.rand(400, 5, generator=torch.Generator().manual_seed(0)) * 0.2
    scores[:, 0] += 0.3
    found = swapped.balanced(scores, Group())
    torch.testing.assert_close(found.sum(1), torch.ones(400))
    assert (found.sum(0) / 80 - 1).abs().max() < 0.2


def test_swapped_prediction_changes_the_upper_layers_only(tmp_path):
    run = started(tmp_path, "swapped")
    before = {name: weight.clone() for name, weight in run.network.state_dict().items()}
    run.run()
    changed = {n for n, w in run.network.state_dict().items() if not torch.equal(w, before[n])}
    assert changed and all(name.startswith("layers.") for name in changed)


def test_views_agree_more_after_training(tmp_path):
    lines = []
    torch.manual_seed(5)
    config = replace(SWAPPED, steps=150, save_every=50, lr=3e-3)
    run_of(tmp_path, config, initial=Network(SHAPE)).run(lines.append)
    assert lines[-2]["prototype_perplexity"] > 4
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < losses[0]


def _write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_labels_are_units_by_id_or_phones_by_time(tmp_path):
    units = _write(tmp_path / "units.jsonl", {"id": "a", "units": [5, 9], "counts": [2, 1]})
    found = read_labels([units])
    assert found.names == [5, 9] and found.of({"id": "a"}, 4).tolist() == [0, 0, 1, -1]
    phones = _write(tmp_path / "phones.jsonl", {"id": "rec", "phones": [[0, 1.04, "x"], [1.04, 1.2, "y"]]})
    found = read_labels([phones])
    record = {"id": "s", "audio_filepath": "/d/rec.wav", "offset": 1.0, "duration": 0.1}
    assert found.of(record, 4).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        (
            [{"id": "a", "units": [1, 2]}, {"id": "a", "units": [1, 2]}],
            "there are two records with the id 'a'",
        ),
        ([{"id": "a", "units": [3, 3]}], "a network cannot learn from fewer than two different labels"),
        ([{"id": "a", "units": [1, 2], "frame_shift": 0.04}], "frame_shift is 0.04 s"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(tmp_path, records, fault):
    with pytest.raises(InputError, match=fault):
        read_labels([_write(tmp_path / "units.jsonl", *records)])


def test_units_that_do_not_fit_the_audio_are_refused(tmp_path):
    found = read_labels([_write(tmp_path / "units.jsonl", {"id": "a", "units": [1, 2, 3]})])
    with pytest.raises(InputError, match="3 units do not fit 9 frames of audio"):
        found.of({"id": "a"}, 9)


@pytest.mark.parametrize("kind", ["online", "swapped"])
def test_two_processes_do_what_one_does_with_the_whole_batch(tmp_path, kind):
    lines = []
    whole = started(tmp_path / "one", kind)
    whole.settings = replace(whole.settings, steps=6, save_every=2)
    whole.run(lines.append)
    (tmp_path / kind).mkdir()
    two_processes.run(
        __file__, tmp_path / kind, {**os.environ, "PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1"}
    )
    found = [json.loads(line) for line in (tmp_path / kind / "lines").read_text().splitlines()]
    assert len(found) == len(lines) > 1
    for one, two in zip(lines, found, strict=True):
        if "loss" in one:
            assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)


def one_of_two(folder):
    """What each process of the test above does."""
    from pathlib import Path

    from units.training.distributed import join

    group, _ = join(torch.device("cpu"))
    run = started(Path(folder), Path(folder).name, group=group)
    run.settings = replace(run.settings, steps=6, save_every=2)
    lines = []
    run.run(lines.append)
    if group.first:
        Path(folder, "lines").write_text("".join(json.dumps(line) + "\n" for line in lines))
    group.wait()


if __name__ == "__main__":
    one_of_two(sys.argv[1])
