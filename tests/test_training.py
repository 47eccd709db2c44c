"""The corpus a vocoder is trained on, and the loop that can be killed and resumed."""

import dataclasses

import numpy as np
import pytest
import torch
from speechlike import phrase

from units.audio import HOP, RATE, save
from units.records import InputError, Record
from units.vocoder import dataset
from units.vocoder.config import TrainingConfig, VocoderConfig
from units.vocoder.training import Training

SETTINGS = TrainingConfig(
    epochs=2, batch_size=4, segment_length=6400, save_every=2, predictor_steps=3, discriminator_width=0.05
)


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
    corpus = dataset.build(records, [], str(tmp_path / "cache"))
    starts = corpus.crops(20, np.random.default_rng(1))
    units, f0_hz, _, audio = corpus.take(starts, 20)
    assert audio.shape == (len(starts), 20 * HOP)
    np.testing.assert_array_equal(audio.reshape(-1, HOP)[:, 0] > 0.5, units.reshape(-1) == 1)
    assert np.abs(audio.reshape(-1, HOP)[:, 1:]).max() == 0
    assert set(np.unique(f0_hz)) == {100.0, 101.0, 102.0}


def test_every_unit_is_drawn_equally_often(tmp_path):
    corpus = dataset.build([click_record(tmp_path, n, 55) for n in range(2)], [], str(tmp_path / "cache"))
    drawn = np.zeros(110)
    for epoch in range(400):
        starts = corpus.crops(20, np.random.default_rng(epoch))
        np.add.at(drawn, (starts[:, None] + np.arange(20)) % 110, 1)
    assert drawn.min() > 0.85 * drawn.mean()
    assert drawn.max() < 1.15 * drawn.mean()


def test_audio_is_decoded_once(tmp_path, monkeypatch):
    records = [click_record(tmp_path, n) for n in range(2)]
    first = dataset.build(records, [], str(tmp_path / "cache"))
    monkeypatch.setattr(dataset, "load_record", None)
    again = dataset.build(records, [], str(tmp_path / "cache"))
    np.testing.assert_array_equal(first.audio, again.audio)


def test_held_out_recordings_are_whole_and_the_same_for_the_same_seed():
    records = [Record({"id": f"{n}", "audio_filepath": f"{n % 5}.wav"}) for n in range(50)]
    training, held_out = dataset.split_held_out(records, 0.2, seed=3)
    assert {r["audio_filepath"] for r in training}.isdisjoint(r["audio_filepath"] for r in held_out)
    assert len(training) + len(held_out) == 50
    assert dataset.split_held_out(records, 0.2, seed=3)[1] == held_out
    assert dataset.split_held_out(records, 0.001, seed=3)[1]


def test_one_record_is_too_little_to_train_on():
    with pytest.raises(InputError, match="held out"):
        dataset.split_held_out([Record({"id": "a", "audio_filepath": "a.wav"})], 0.1, 0)


def test_units_that_do_not_fit_their_audio_are_refused_at_their_place(tmp_path):
    record = click_record(tmp_path, 0)
    record["units"] = record["units"][:50]
    with pytest.raises(InputError, match=r"records:0: 50 units, but .* samples"):
        dataset.build([record], [], str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Some seconds of speech-like sound with units that follow its loudness."""
    folder = tmp_path_factory.mktemp("corpus")
    records = []
    for number in range(3):
        path = folder / f"{number}.wav"
        save(str(path), phrase(3.0, number))
        units = np.random.default_rng(number).integers(5, size=3 * RATE // HOP - 1).tolist()
        records.append(Record({"id": str(number), "audio_filepath": str(path), "units": units}))
    return [
        dataset.build(part, [], str(folder / name)) for name, part in (("t", records[:2]), ("h", records[2:]))
    ]


def training(folder, corpora, **changes):
    """Return a run of tiny networks in a folder."""
    config = VocoderConfig(arch=changes.pop("arch", "v2"), units=5, width=32, unit_width=8, f0_width=8)
    return Training(str(folder), config, dataclasses.replace(SETTINGS, **changes), *corpora)


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(arch, corpora, tmp_path):
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole, cut = [], []
    uninterrupted = training(tmp_path / "whole", corpora, arch=arch, epochs=2)
    uninterrupted.run(whole.append)
    training(tmp_path / "cut", corpora, arch=arch, epochs=1).run(cut.append)
    resumed = training(tmp_path / "cut", corpora, arch=arch, epochs=2)
    resumed.resume()
    resumed.run(cut.append)
    after = {line["step"]: line for line in cut}
    for line in whole:
        for name in line.keys() - {"seconds", "best"}:  # the end of the first run was validated as well
            assert after[line["step"]][name] == line[name]
    for name, weight in uninterrupted.average.state_dict().items():
        assert torch.equal(weight, resumed.average.state_dict()[name])


def test_training_lowers_the_validation_loss(corpora, tmp_path):
    lines = []
    training(tmp_path, corpora, epochs=6, lr=5e-3, save_every=4, adversarial_start=1000).run(lines.append)
    assert lines[-1]["best"] < lines[0]["validation_log_mel"]


def test_hours_and_patience_end_a_run(corpora, tmp_path):
    run = training(tmp_path, corpora, epochs=1000, max_hours=1e-7)
    run.run()
    assert run.step == 1
    run = training(tmp_path, corpora, epochs=1000, patience=1, lr=1e-7, save_every=1)
    run.validate = lambda: 1.0
    run.run()
    assert run.step == 2


def test_a_checkpoint_that_is_cut_is_refused_by_name(corpora, tmp_path):
    run = training(tmp_path, corpora)
    run.save()
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: not a checkpoint of this run"):
        run.resume()
