"""su-synth: what it writes, where, and what it takes from records or predicts."""

import json
import os
import pathlib

import numpy as np
import soundfile


def lines(*records):
    """Return records as the bytes of a stream."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def test_a_folder_gets_a_wav_a_record_of_320_samples_a_unit(corpus):
    for spoken, record in zip(corpus.records("spoken.jsonl"), corpus.records("units.jsonl"), strict=True):
        samples, rate = soundfile.read(spoken["audio_filepath"])
        assert rate == 16000
        assert len(samples) == 320 * len(record["units"])
        assert spoken["duration"] == len(samples) / rate
        assert spoken["id"] == record["id"]


def test_runs_are_spoken_like_the_frames_they_stand_for(run, corpus, tmp_path):
    whole = run("su-synth", "-m", corpus["vocoder"], "-o", tmp_path / "a", corpus["units.jsonl"])
    runs = run("su-synth", "-m", corpus["vocoder"], "-o", tmp_path / "b", corpus["runs.jsonl"])
    for a, b in zip(whole.records, runs.records, strict=True):
        np.testing.assert_array_equal(*(soundfile.read(r["audio_filepath"])[0] for r in (a, b)))


def test_one_wav_holds_all_records_in_turn(run, corpus, tmp_path):
    result = run("su-synth", "-m", corpus["vocoder"], "-o", tmp_path / "all.wav", corpus["units.jsonl"])
    samples, _ = soundfile.read(tmp_path / "all.wav")
    assert result.records[0]["offset"] == 0
    assert result.records[1]["offset"] == result.records[0]["duration"]
    assert round(sum(record["duration"] for record in result.records) * 16000) == len(samples)


def test_a_pipe_gets_a_wav_and_nothing_else(run, corpus, tmp_path):
    result = run("su-synth", "-m", corpus["vocoder"], corpus["units.jsonl"])
    assert result.stdout[:4] == b"RIFF"
    units = sum(len(record["units"]) for record in corpus.records("units.jsonl"))
    assert len(result.stdout) == 44 + 640 * units


def test_a_rerun_leaves_what_is_whole_and_mends_what_is_not(run, corpus, tmp_path):
    command = ("su-synth", "-m", corpus["vocoder"], "-o", tmp_path, corpus["units.jsonl"])
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
        "su-synth", "-m", corpus["vocoder"], "-o", tmp_path, "--durations", "predict", stdin=lines(record)
    )
    assert result.status == 0
    assert result.records[0]["duration"] >= 0.06


def test_speed_halves_the_duration(run, corpus, tmp_path):
    record = {"id": "x", "units": [1, 2, 3, 4]}
    result = run("su-synth", "-m", corpus["vocoder"], "-o", tmp_path, "--speed", "2", stdin=lines(record))
    assert result.records[0]["duration"] == 0.04


def test_units_of_another_codebook_are_refused_unless_forced(run, corpus, tmp_path):
    stream = lines({"id": "x", "units": [1, 2], "codebook": "0123456789ab"})
    command = ("su-synth", "-m", corpus["vocoder"], "-o", tmp_path)
    refused = run(*command, stdin=stream)
    assert refused.status == 1
    assert refused.stderr.startswith("su-synth: -:1: units of codebook 0123456789ab, but the vocoder speaks ")
    assert refused.stderr.count("\n") == 1
    assert run(*command, "--force", stdin=stream).status == 0


def test_an_id_cannot_lead_out_of_the_folder(run, corpus, tmp_path):
    result = run(
        "su-synth", "-m", corpus["vocoder"], "-o", tmp_path / "out", stdin=lines({"id": "../x", "units": [1]})
    )
    assert result.status == 1
    assert "cannot name a file" in result.stderr
    assert not (tmp_path / "x.wav").exists()


def test_a_speaker_nobody_heard_is_refused(run, corpus, tmp_path):
    model = corpus["vocoder"]
    result = run(
        "su-synth", "-m", model, "-o", tmp_path, "--speaker", "Zé", stdin=lines({"id": "x", "units": [1]})
    )
    assert (result.status, result.stderr.count("\n")) == (1, 1)
    assert "speaker Zé" in result.stderr
