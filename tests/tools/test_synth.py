"""su-synth: what it writes, where, and what it takes from records or predicts."""

import json
import os
import pathlib

import numpy as np
import onnxruntime
import pytest
import soundfile
import torch

from units.vocoder import model, onnx
from units.vocoder.config import VocoderConfig
from units.vocoder.layers import fold_weight_norm
from units.vocoder.source import contour


def lines(*records):
    """Return records as the bytes of a stream."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The directory of a vocoder, `fast`, of two speakers, that was never trained."""
    folder = tmp_path_factory.mktemp("several")
    config = VocoderConfig(
        arch="fast",
        units=8,
        width=32,
        unit_width=16,
        speakers=("Ana", "Édi"),
        f0_mean=(float(np.log(110)), float(np.log(220))),
        f0_sd=(0.1, 0.1),
    )
    torch.manual_seed(0)
    model.save_config(folder, config)
    for name, part in zip(("generator", "f0", "duration"), model.build(config), strict=True):
        model.save_part(folder, name, part)
    return str(folder)


def test_a_folder_gets_a_wav_a_record_of_320_samples_a_unit(corpus):
    for spoken, record in zip(corpus.records("spoken.jsonl"), corpus.records("units.jsonl"), strict=True):
        samples, rate = soundfile.read(spoken["audio_filepath"])
        assert rate == 16000
        assert len(samples) == 320 * len(record["units"])
        assert spoken["duration"] == len(samples) / rate
        assert spoken["id"] == record["id"]


def test_runs_are_spoken_like_the_frames_they_stand_for(run, corpus, tmp_path):
    whole = run("su-synth", "-m", corpus["vocoder"], "--audio", tmp_path / "a", corpus["units.jsonl"])
    runs = run("su-synth", "-m", corpus["vocoder"], "--audio", tmp_path / "b", corpus["runs.jsonl"])
    for a, b in zip(whole.records, runs.records, strict=True):
        np.testing.assert_array_equal(*(soundfile.read(r["audio_filepath"])[0] for r in (a, b)))


def test_one_wav_holds_all_records_in_turn(run, corpus, tmp_path):
    command = ("su-synth", "-m", corpus["vocoder"])
    result = run(*command, "-o", tmp_path / "all.wav", corpus["units.jsonl"])
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")
    samples, _ = soundfile.read(tmp_path / "all.wav")
    apart = run(*command, "--audio", tmp_path / "apart", corpus["units.jsonl"]).records
    assert round(sum(record["duration"] for record in apart) * 16000) == len(samples)


def test_a_pipe_gets_a_wav_and_nothing_else(run, corpus, tmp_path):
    result = run("su-synth", "-m", corpus["vocoder"], corpus["units.jsonl"])
    assert result.stdout[:4] == b"RIFF"
    units = sum(len(record["units"]) for record in corpus.records("units.jsonl"))
    assert len(result.stdout) == 44 + 640 * units


def test_a_rerun_leaves_what_is_whole_and_mends_what_is_not(run, corpus, tmp_path):
    command = ("su-synth", "-m", corpus["vocoder"], "--audio", tmp_path, corpus["units.jsonl"])
    first, second = (record["audio_filepath"] for record in run(*command).records[:2])
    whole = pathlib.Path(second).read_bytes()
    before = os.stat(first).st_mtime_ns
    with open(second, "r+b") as file:
        file.truncate(1000)
    assert run(*command).status == 0
    assert os.stat(first).st_mtime_ns == before
    assert pathlib.Path(second).read_bytes() == whole


def test_bare_units_are_spoken_with_predicted_pitch_and_durations(run, corpus, tmp_path):
    record = {"id": "bare", "units": [1, 2, 3]}
    result = run(
        "su-synth",
        "-m",
        corpus["vocoder"],
        "--audio",
        tmp_path,
        "--durations",
        "predict",
        stdin=lines(record),
    )
    assert result.status == 0
    assert result.records[0]["duration"] >= 0.06


def test_speed_halves_the_duration(run, corpus, tmp_path):
    record = {"id": "x", "units": [1, 2, 3, 4]}
    result = run(
        "su-synth", "-m", corpus["vocoder"], "--audio", tmp_path, "--speed", "2", stdin=lines(record)
    )
    assert result.records[0]["duration"] == 0.04


def test_units_of_another_codebook_are_refused_unless_forced(run, corpus, tmp_path):
    stream = lines({"id": "x", "units": [1, 2], "codebook": "0123456789ab"})
    command = ("su-synth", "-m", corpus["vocoder"], "--audio", tmp_path)
    refused = run(*command, stdin=stream)
    assert refused.status == 1
    assert refused.stderr.startswith("su-synth: -:1: these units have codebook 0123456789ab, but the voc")
    assert refused.stderr.count("\n") == 1
    assert run(*command, "--force", stdin=stream).status == 0


def test_a_time_for_each_record_needs_records_to_write_it_to(run, corpus):
    result = run("su-synth", "-m", corpus["vocoder"], "--rtf", corpus["units.jsonl"])
    assert (result.status, result.stdout) == (2, b"") and "requires --audio DIR" in result.stderr


def test_an_id_cannot_lead_out_of_the_folder(run, corpus, tmp_path):
    result = run(
        "su-synth",
        "-m",
        corpus["vocoder"],
        "--audio",
        tmp_path / "out",
        stdin=lines({"id": "../x", "units": [1]}),
    )
    assert result.status == 1
    assert "cannot name a file" in result.stderr
    assert not (tmp_path / "x.wav").exists()


def test_a_speaker_nobody_heard_is_refused(run, corpus, tmp_path):
    model = corpus["vocoder"]
    result = run(
        "su-synth",
        "-m",
        model,
        "--audio",
        tmp_path,
        "--speaker",
        "Zé",
        stdin=lines({"id": "x", "units": [1]}),
    )
    assert (result.status, result.stderr.count("\n")) == (1, 1)
    assert "speaker Zé" in result.stderr


def test_a_vocoder_that_speaks_records_together_speaks_them_as_one_by_one(run, several, tmp_path):
    random = np.random.default_rng(0)
    records = [
        {"id": f"{i}", "units": random.integers(8, size=n).tolist(), "f0": [100.0 + n] * n, "speaker": "Ana"}
        for i, n in enumerate((9, 1, 40, 20, 7))
    ]
    command = ("su-synth", "-m", several, "--dtype", "fp32", "--audio")
    together = run(*command, tmp_path / "a", stdin=lines(*records)).records
    alone = run(*command, tmp_path / "b", "--rtf", stdin=lines(*records)).records  # each timed by itself
    assert [record["id"] for record in together] == ["0", "1", "2", "3", "4"]
    for a, b in zip(together, alone, strict=True):
        a, b = (soundfile.read(r["audio_filepath"], dtype="int16")[0].astype(int) for r in (a, b))
        assert np.abs(a).max() > 100
        assert np.abs(a - b).max() <= 1


def test_a_bad_record_among_those_spoken_together_is_skipped_alone(run, several, tmp_path):
    records = [{"id": name, "units": units} for name, units in (("a", [1, 2]), ("b", [99]), ("c", [3]))]
    result = run(
        "su-synth",
        "-m",
        several,
        "--audio",
        tmp_path,
        "--keep-going",
        stdin=lines(*records) + b"{\n" + lines({"id": "d", "units": [1]}),
    )
    assert [record["id"] for record in result.records] == ["a", "c", "d"]
    assert result.status == 1
    assert "su-synth: -:2: unit 99 is unknown" in result.stderr
    assert "2 of 5 records skipped" in result.stderr
    stopped = run("su-synth", "-m", several, "--audio", tmp_path, stdin=lines(records[0]) + b"{\n")
    assert [record["id"] for record in stopped.records] == ["a"]
    assert stopped.status == 1


def test_sound_comes_before_the_last_record_is_there(run, several, tmp_path):
    (given, send), (hear, out) = os.pipe(), os.pipe()
    process = run.start("su-synth", "-m", several, stdin=given, stdout=out)
    os.close(given)
    os.close(out)
    with open(send, "wb") as records, open(hear, "rb") as sound:
        records.write(lines({"id": "a", "units": [1] * 10}))
        records.flush()
        assert len(sound.read(44 + 640 * 10)) == 44 + 640 * 10
        records.write(lines({"id": "b", "units": [2] * 5}))
        records.close()
        assert len(sound.read()) == 640 * 5
    assert process.wait(60) == 0


def heard_hz(path):
    """Return the median F0 of a file's voiced frames."""
    from units.audio.pitch import estimate

    f0_hz = estimate(soundfile.read(path)[0])
    return np.median(f0_hz[f0_hz > 0])


def test_a_speaker_brings_the_pitch_range_also_to_speech_of_someone_else(run, several, tmp_path):
    f0_hz = (110 * np.exp(0.1 * np.sin(np.arange(120) / 9))).tolist()
    heard = {}
    for own in ("Ana", "Zé", None):
        record = {"id": "x", "units": [1] * 120, "f0": f0_hz} | ({"speaker": own} if own else {})
        result = run(
            "su-synth", "-m", several, "--audio", tmp_path / str(own), "--speaker", "Édi", stdin=lines(record)
        )
        assert (result.status, result.stderr) == (0, "")
        heard[own] = heard_hz(result.records[0]["audio_filepath"])
    assert heard["Ana"] == pytest.approx(220, rel=0.05)  # twice as high, as Édi is above Ana
    assert heard["Zé"] == heard[None] == pytest.approx(220, rel=0.05)
    stranger = lines({"id": "x", "units": [1], "speaker": "Zé"})
    refused = run("su-synth", "-m", several, "--audio", tmp_path / "out", stdin=stranger)
    assert refused.status == 1
    assert "no speaker Zé in this vocoder, only Ana, Édi" in refused.stderr


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_either_precision_speaks(run, corpus, tmp_path, dtype):
    command = ("su-synth", "-m", corpus["vocoder"], "--dtype", dtype, "--audio", tmp_path)
    assert run(*command, stdin=lines({"id": "x", "units": [1, 2]})).status == 0


@pytest.mark.parametrize("arch", ["v1", "v2", "fast"])
def test_an_exported_model_speaks_as_torch_does_at_any_length(arch, tmp_path):
    torch.manual_seed(0)
    sizes = {"width": 32, "unit_width": 16, "f0_width": 8, "speaker_width": 8, "units": 10}
    several = {"speakers": ("Ana", "Zé"), "f0_mean": (4.7, 5.2), "f0_sd": (0.2, 0.2)}
    config = VocoderConfig(arch=arch, **sizes, **several)
    generator, *predictors = model.build(config)
    if arch == "fast":
        torch.nn.init.normal_(generator.head.weight, std=0.3)
    vocoder = model.Vocoder(config, fold_weight_norm(generator), *predictors)
    random, plans = np.random.default_rng(0), []
    for count in (1, 2, 83):
        f0_hz = random.uniform(80, 200, count) * (random.random(count) < 0.8)
        plans.append((random.integers(10, size=count), f0_hz))
    expected = [np.concatenate(list(vocoder.speak(u.tolist(), f.tolist(), 1))) for u, f in plans]
    onnx.export(vocoder, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for (units, f0_hz), wave in zip(plans, expected, strict=True):
        filled, cycles = contour(torch.tensor(f0_hz))
        given = {"units": units, "speaker": np.ones_like(units), "first": np.zeros(1, np.int64)}
        given |= {
            name: np.float32(row) for name, row in (("f0", f0_hz), ("filled", filled), ("cycles", cycles))
        }
        names = [given_name.name for given_name in session.get_inputs()]
        (made,) = session.run(None, {n: given[n] if n == "first" else given[n][None] for n in names})
        assert wave.std() > 1e-4
        np.testing.assert_allclose(made[0], wave, rtol=1e-3, atol=1e-4)


def test_a_vocoder_is_exported_in_one_command(run, corpus, tmp_path):
    result = run("su-onnx", "-m", corpus["vocoder"], "-o", tmp_path / "x.onnx", timeout_s=600)
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")
    names = [given.name for given in onnxruntime.InferenceSession(tmp_path / "x.onnx").get_inputs()]
    assert names == ["units", "f0", "speaker"]  # f0 is accepted, though v1 ignores it


def test_options_of_f0_are_not_ignored_in_silence_by_a_vocoder_that_has_none(run, corpus, tmp_path):
    command = ("su-synth", "-m", corpus["vocoder"], "--audio", tmp_path)
    record = lines({"id": "x", "units": [1, 2]})
    assert run(*command, stdin=record).stderr == ""
    result = run(*command, "--pitch-shift", "2", "--f0", "predict", stdin=record)
    told = "a v1 vocoder has no F0; it ignores --f0 and --pitch-shift"
    assert (result.status, result.stderr) == (0, f"su-synth: {corpus['vocoder']}: {told}\n")
