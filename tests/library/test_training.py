"""The corpus a vocoder is trained on, and the loop that can be killed and resumed."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import two_processes
from processes import PYTHONPATH
from speechlike import phrase

from units.audio.timing import HOP, RATE
from units.audio.writing import save
from units.records import InputError, Record
from units.training import checkpoint
from units.training.distributed import Group
from units.training.run import CHECKPOINT
from units.training.vocoder import dataset, health, training
from units.training.vocoder.config import training_defaults
from units.training.vocoder.training import BEST, PREVIOUS, VocoderRun
from units.vocoder import model
from units.vocoder.config import VocoderConfig

TINY = {
    "epochs": 2,
    "batch_size": 2,
    "crop_seconds": 0.4,
    "save_every": 2,
    "predictor_steps": 1,
    "discriminator_width": 0.05,
    "warmup": 3,
}


def click_record(folder, number, frames=120):
    """A recording with a click at the first sample of every tenth unit, which is unit 1; the others are 0."""
    samples = np.zeros(frames * HOP + 80, np.float32)
    samples[: frames * HOP : 10 * HOP] = 0.9
    path = folder / f"clicks {number}.wav"
    save(str(path), samples)
    units = [int(i % 10 == 0) for i in range(frames)]
    fields = {
        "id": f"c{number}",
        "audio_filepath": str(path),
        "units": units,
        "f0": [100.0 + number] * frames,
    }
    return Record(fields, f"records:{number}")


def test_units_f0_and_audio_of_a_crop_agree_to_the_sample(tmp_path):
    records = [click_record(tmp_path, n) for n in range(3)]
    corpus = dataset.build_corpus(records, [], str(tmp_path / "cache"))
    starts = corpus.crops(20, np.random.default_rng(1))
    units, f0_hz, _, audio = corpus.take(starts, 20)
    assert audio.shape == (len(starts), 20 * HOP)
    np.testing.assert_array_equal(audio.reshape(-1, HOP)[:, 0] > 0.5, units.reshape(-1) == 1)
    assert np.abs(audio.reshape(-1, HOP)[:, 1:]).max() == 0
    assert set(np.unique(f0_hz)) == {100.0, 101.0, 102.0}


def test_every_unit_is_drawn_equally_often(tmp_path):
    corpus = dataset.build_corpus(
        [click_record(tmp_path, n, 55) for n in range(2)], [], str(tmp_path / "cache")
    )
    drawn = np.zeros(110)
    for epoch in range(400):
        starts = corpus.crops(20, np.random.default_rng(epoch))
        np.add.at(drawn, (starts[:, None] + np.arange(20)) % 110, 1)
    assert drawn.min() > 0.85 * drawn.mean()
    assert drawn.max() < 1.15 * drawn.mean()


def test_audio_is_decoded_once(tmp_path, monkeypatch):
    records = [click_record(tmp_path, n) for n in range(2)]
    first = dataset.build_corpus(records, [], str(tmp_path / "cache"))
    monkeypatch.setattr(dataset, "load_record", None)
    again = dataset.build_corpus(records, [], str(tmp_path / "cache"))
    np.testing.assert_array_equal(first.audio, again.audio)


def test_f0_that_lacks_the_last_frame_is_unvoiced_there(tmp_path):
    record = click_record(tmp_path, 0)
    record["f0"] = record["f0"][:-1]
    corpus = dataset.build_corpus([record], [], str(tmp_path / "cache"))
    assert corpus.f0_hz[-2:].tolist() == [100.0, 0.0]


def test_recordings_that_are_all_silent_teach_nothing_and_this_is_said(tmp_path):
    from units.training.encoder import corpus

    record = click_record(tmp_path, 0)
    save(record["audio_filepath"], np.zeros(120 * HOP + 80))
    for build in (
        lambda: dataset.build_corpus([record], [], str(tmp_path / "v")),
        lambda: corpus.build_corpus([record], str(tmp_path / "e")),
    ):
        with pytest.raises(InputError, match="every recording is completely silent"):
            build()


def test_units_that_do_not_fit_their_audio_are_refused_at_their_place(tmp_path):
    record = click_record(tmp_path, 0)
    record["units"] = record["units"][:50]
    with pytest.raises(InputError, match=r"records:0: 50 units do not fit \d+ samples"):
        dataset.build_corpus([record], [], str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Some seconds of speech-like sound with units that follow nothing: to train on, and held out."""
    folder = tmp_path_factory.mktemp("corpus")
    records = []
    for number in range(3):
        path = folder / f"{number}.wav"
        seconds = 1.0 if number < 2 else 2.0
        save(str(path), phrase(seconds, number))
        units = np.random.default_rng(number).integers(5, size=int(seconds * RATE) // HOP - 1).tolist()
        records.append(Record({"id": str(number), "audio_filepath": str(path), "units": units}))
    return [
        dataset.build_corpus(part, [], str(folder / name))
        for name, part in (("t", records[:2]), ("h", records[2:]))
    ]


class Killed(Exception):
    """Stands for SIGKILL: nothing in the loop catches it."""


def kill_at(step):
    """Return a `progress` that kills the run at a step."""

    def progress(now, _seconds, _share):
        if now == step:
            raise Killed

    return progress


def run_of(folder, corpora, arch="fast", shape=(), group=Group(), dtype=torch.float32, init=None, **changes):
    """Return a run of tiny networks in a folder."""
    os.makedirs(folder, exist_ok=True)
    config = VocoderConfig(
        **{"arch": arch, "units": 5, "width": 32, "unit_width": 8, "f0_width": 8, **dict(shape)}
    )
    settings = dataclasses.replace(training_defaults(arch), **{**TINY, **changes})
    return VocoderRun(str(folder), config, settings, *corpora, "cpu", dtype, group, init)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_a_run_that_was_killed_and_resumed_has_the_losses_and_weights_of_one_that_was_not(
    arch, corpora, tmp_path
):
    changes = {"epochs": 2, "adversarial_start": 1, "discriminator_seconds": 0.2, "decay": 0.5}
    whole, cut = [], []
    uninterrupted = run_of(tmp_path / "whole", corpora, arch, **changes)
    uninterrupted.run(whole.append)
    with pytest.raises(Killed):
        run_of(tmp_path / "cut", corpora, arch, **changes).run(cut.append, kill_at(3))
    resumed = run_of(tmp_path / "cut", corpora, arch, **changes)
    resumed.resume()
    assert (resumed.step, resumed.joined) == (2, 1)
    resumed.run(cut.append)
    for one, other in zip(whole, cut, strict=True):
        assert one.keys() == other.keys()
        assert all(one[name] == other[name] for name in one.keys() - {"seconds"})
    assert "features" in whole[-1] or arch == "v1"
    for name, weight in uninterrupted.average.state_dict().items():
        assert torch.equal(weight, resumed.average.state_dict()[name]), name


def test_training_lowers_the_validation_loss_and_scores_held_out_recordings(corpora, tmp_path):
    lines = []
    run_of(tmp_path, corpora, epochs=8, lr=5e-3, save_every=6, adversarial_start=1000).run(lines.append)
    assert lines[-1]["best"] < lines[1]["validation_log_mel"]
    assert {"f0_rmse_hz", "vde"} <= lines[-1].keys()
    assert 0 <= lines[0]["predicted_vde"] <= 1 and lines[0]["predicted_duration_error"] >= 0


def test_hours_and_patience_end_a_run(corpora, tmp_path, monkeypatch):
    run = run_of(tmp_path / "hours", corpora, epochs=1000, max_hours=0.1)
    clock = iter(np.arange(0, 1e6, 36.0))
    run.clock = lambda: next(clock)
    run.run()
    assert run.step == 10
    monkeypatch.setattr(training.validation, "log_mel", lambda *_: 1.0)
    run = run_of(tmp_path / "patience", corpora, epochs=1000, patience=2, save_every=1, adversarial_start=99)
    run.run()
    assert run.step == 3


def rates_of(folder, corpora, **changes):
    """Return the generator's and the discriminators' rate at each step of a run."""
    rates = []
    run = run_of(folder, corpora, lr_decay=1.0, lr=1e-3, discriminator_lr=2e-4, **changes)
    run.descent.step = lambda *of: rates.append((*of[1], of[3])) or {"mel": torch.ones(())}
    run.run()
    return rates


def test_the_rates_rise_at_first_and_fall_to_almost_nothing_at_the_end(corpora, tmp_path):
    rates = rates_of(tmp_path, corpora, epochs=20, decay=0.5, adversarial_start=0.25, save_every=1000)
    generator, discriminator, judged = zip(*rates, strict=True)
    assert generator[0] < generator[2] == generator[len(rates) // 2 - 1] == 1e-3
    assert generator[-1] < 0.15e-3
    joined = math.ceil(len(rates) / 4)
    assert judged[joined - 1] is None and judged[joined] is not None
    assert discriminator[joined] < discriminator[joined + 2] == 2e-4


def test_weights_from_before_the_discriminators_joined_are_no_longer_the_best(corpora, tmp_path, monkeypatch):
    figures = iter([0.1, 0.9, 0.8, 0.85])
    monkeypatch.setattr(training.validation, "log_mel", lambda *_: next(figures))
    lines = []
    run_of(tmp_path, corpora, epochs=5, save_every=3, adversarial_start=3).run(lines.append)
    assert [line["best"] for line in lines[1:]] == [0.1, 0.9, 0.8, 0.8]


def faulty(run, bad):
    """Let the steps of a run find what `bad` makes of the step's number and of what was found."""
    step = run.descent.step

    def found(*arguments):
        return bad(run, step(*arguments))

    run.descent.step = found
    return run


def test_a_run_that_diverges_goes_back_to_the_last_checkpoint_at_half_the_rate(corpora, tmp_path):
    def once(run, found):
        return {**found, "norm": torch.tensor(math.nan)} if run.step == 4 and not run.roll_backs else found

    lines, said = [], []
    run = faulty(run_of(tmp_path, corpora, epochs=3), once)
    run.run(lines.append, warn=said.append)
    assert said == ["step 6: the loss is NaN or infinite; continuing from step 4 at a lower rate"]
    assert (run.roll_backs, run.ease) == (1, 0.5) and run.share() == 1
    assert {"step": 6, "fault": "the loss is NaN or infinite", "back_to_step": 4} in lines
    assert lines[-1]["step"] == run.step


def test_a_loss_that_runs_away_is_noticed_and_after_some_roll_backs_the_run_ends(corpora, tmp_path):
    def always(run, found):
        return {**found, "mel": torch.tensor(1.0 if run.step < 8 else 9.0)}

    said = []
    run = faulty(run_of(tmp_path, corpora, epochs=1000, save_every=4), always)
    with pytest.raises(InputError, match=r"rose from .* after 3 roll-backs; try a smaller --lr"):
        run.run(warn=said.append)
    assert len(said) == 3 and run.ease == 1 / 8
    kept = run_of(tmp_path, corpora, epochs=1000, save_every=4)
    kept.resume()
    assert kept.step <= 8 and kept.roll_backs == 3


def test_a_discriminator_that_has_won_is_slowed_down_from_before_it_did(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(health, "LONG", 5)

    def won(run, found):
        return {**found, "discriminator": torch.tensor(1e-4 if run.step >= 5 and not run.roll_backs else 1.0)}

    said = []
    run = faulty(run_of(tmp_path, corpora, epochs=6, save_every=3), won)
    run.run(warn=said.append)
    assert said == [
        "step 10: the discriminators have been right for 5 steps in a row; continuing from step 3 at a lower "
        "rate"
    ]
    assert (run.ease, run.discriminator_ease) == (1.0, 0.25)


def test_the_last_two_checkpoints_and_the_best_are_kept(corpora, tmp_path, monkeypatch):
    figures = iter([0.5, 0.1, 0.9, 0.8])
    monkeypatch.setattr(training.validation, "log_mel", lambda *_: next(figures))
    with pytest.raises(Killed):
        run_of(tmp_path, corpora, epochs=100, adversarial_start=1000).run(progress=kill_at(9))
    run, steps = run_of(tmp_path, corpora, epochs=100, adversarial_start=1000), []
    for name in (CHECKPOINT, PREVIOUS, BEST):
        run.resume(name)
        steps.append(run.step)
    assert steps == [8, 6, 4]


def test_a_second_name_of_a_checkpoint_does_not_change_with_it(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for text in ("one", "two"):
        (tmp_path / "new").write_text(text)
        os.replace(tmp_path / "new", first)
        for _ in range(2):
            checkpoint.keep(str(first), str(second))
        assert second.read_text() == text
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_full_disk_leaves_the_last_good_checkpoint(corpora, tmp_path):
    run = run_of(tmp_path, corpora)
    run.run()
    before = {name: (tmp_path / name).read_bytes() for name in (CHECKPOINT, PREVIOUS, BEST)}
    again = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
import test_training
run = test_training.run_of(sys.argv[1], test_training.loaded(sys.argv[1]), epochs=4)
run.resume()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
try:
    run.run()
except OSError as error:
    print(error)
"""
    np.savez(
        tmp_path / "corpora", **{f"{i}{k}": v for i, c in enumerate(corpora) for k, v in vars(c).items()}
    )
    words = [sys.executable, "-c", again, str(tmp_path), os.path.dirname(__file__)]
    done = subprocess.run(words, env=ALONE, capture_output=True, text=True, check=True)
    assert re.fullmatch(rf"\[Errno 27\] File too large: '{tmp_path}/\w+.safetensors'\n", done.stdout)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


ALONE = {
    **os.environ,
    "PYTHONPATH": PYTHONPATH,
    "OMP_NUM_THREADS": "1",
}


def leave(corpora, folder):
    """Leave the corpora in a folder for another process."""
    columns = {f"{i}{name}": part for i, corpus in enumerate(corpora) for name, part in vars(corpus).items()}
    np.savez(folder / "corpora", **columns)


def loaded(folder):
    """Return the corpora that another process left in a folder."""
    with np.load(os.path.join(folder, "corpora.npz")) as kept:
        columns = ("units", "f0_hz", "speaker", "audio", "ends")
        held = ({name: kept[f"{i}{name}"] for name in columns} for i in range(2))
        return [dataset.UnitCorpus(**parts, content=str(kept[f"{i}content"])) for i, parts in enumerate(held)]


def test_a_checkpoint_that_is_cut_is_refused_by_name(corpora, tmp_path):
    run = run_of(tmp_path, corpora)
    run.save()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: not a checkpoint of this run"):
        run.resume()


def test_a_run_is_not_resumed_with_other_options_but_for_how_long_it_lasts(corpora, tmp_path):
    run_of(tmp_path, corpora).save()
    run_of(tmp_path, corpora, epochs=7, patience=1, max_hours=3.0).resume()
    with pytest.raises(InputError, match="began with other options or records"):
        run_of(tmp_path, corpora, lr=1e-5).resume()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_trains_as_fp32_does_nearly(dtype, corpora, tmp_path):
    lines = []
    for kind in (torch.float32, dtype):
        run = run_of(tmp_path / str(kind), corpora, epochs=1, dtype=kind, adversarial_start=1)
        found = []
        run.run(found.append)
        assert all(weight.dtype == torch.float32 for weight in run.average.parameters())
        lines.append(found[-1])
    assert lines[1]["validation_log_mel"] == pytest.approx(lines[0]["validation_log_mel"], rel=0.05)
    assert lines[1]["mel"] != lines[0]["mel"]


def test_a_new_vocoder_starts_from_another_but_for_other_units(corpora, tmp_path):
    shape = {"codebook": "a", "speakers": ("Ana", "Ben"), "f0_mean": (4.0, 5.0), "f0_sd": (0.1, 0.2)}
    run = run_of(tmp_path / "old", corpora, shape=shape, adversarial_start=0)
    run.run()
    old = model.load_vocoder(str(tmp_path / "old")).generator.state_dict()
    shape |= {"codebook": "b", "units": 7, "speakers": ("Ben", "Eva")}
    own = run_of(tmp_path / "new", corpora, shape=shape, init=str(tmp_path / "old"))
    new = model.folded(own.config, own.generator).state_dict()
    units, speakers = "conditions.units.weight", "conditions.speaker.weight"
    for name in old.keys() - {units, speakers}:
        torch.testing.assert_close(new[name], old[name])
    assert new[units].shape == (7, 8) and not torch.equal(new[units][:5], old[units])
    assert torch.equal(new[speakers][0], old[speakers][1])
    torch.testing.assert_close(new[speakers][1], old[speakers].mean(dim=0))
    for name, weight in own.discriminators.state_dict().items():
        assert torch.equal(weight, run.discriminators.state_dict()[name])


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_a_vocoder_that_starts_from_one_of_the_same_codebook_speaks_alike(arch, corpora, tmp_path):
    run = run_of(tmp_path / "old", corpora, arch, shape={"codebook": "a"}, epochs=1, adversarial_start=99)
    run.run()
    named = {"codebook": "a", "speakers": ("Ana",)}
    for number, shape in enumerate(({"codebook": "a"}, named)):
        own = run_of(tmp_path / str(number), corpora, arch, shape=shape, init=str(tmp_path / "old"))
        found = model.folded(own.config, own.generator).state_dict()
        old = model.load_vocoder(str(tmp_path / "old")).generator.state_dict()
        alike = [name for name in old if old[name].shape == found[name].shape]
        assert len(old) - len(alike) == (number and 1)  # a first convolution with room for the speaker
        for name in alike:
            torch.testing.assert_close(found[name], old[name])


def test_two_processes_do_what_one_does_with_the_whole_batch(corpora, tmp_path):
    lines = []
    run_of(tmp_path / "one", corpora, **SHARED).run(lines.append)
    folder = tmp_path / "two"
    folder.mkdir()
    leave(corpora, folder)
    two_processes.run(__file__, folder, ALONE)
    found = [json.loads(line) for line in (folder / "lines").read_text().splitlines()]
    assert len(found) == len(lines) > 2
    for one, two in zip(lines, found, strict=True):
        for name in one.keys() & {
            "mel",
            "stft",
            "generator",
            "discriminator",
            "features",
            "validation_log_mel",
        }:
            assert two[name] == pytest.approx(one[name], rel=1e-3), name
    assert "features" in lines[-1]


SHARED = {"batch_size": 4, "epochs": 4, "adversarial_start": 1, "save_every": 2}


def one_of_two(folder):
    """What each process of the test above does."""
    from units.training.distributed import join

    group, _ = join(torch.device("cpu"))
    lines = []
    run_of(folder, loaded(folder), group=group, **SHARED).run(lines.append)
    if group.first:
        with open(os.path.join(folder, "lines"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    group.wait()


def test_a_batch_that_cannot_be_shared_evenly_is_refused(corpora, tmp_path):
    with pytest.raises(InputError, match="--batch-size 4 must be a multiple of 3"):
        run_of(tmp_path, corpora, batch_size=4, group=Group(0, 3))


def test_what_begins_from_a_vocoder_has_its_architecture(run, corpus, tmp_path):
    words = ["-o", str(tmp_path / "own"), "--init", corpus["vocoder"], "--arch", "fast"]
    result = run("su-train-vocoder", *words, corpus["pitch.jsonl"])
    assert result.status == 2 and "it must be v1, as in that vocoder" in result.stderr
    assert not (tmp_path / "own").exists()


if __name__ == "__main__":
    one_of_two(sys.argv[1])
