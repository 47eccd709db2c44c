"""What is kept and used again belongs to the record that asks for it, or is made again, which is said."""

import json
import os
import shutil

import numpy as np
import pytest
import safetensors.numpy
import soundfile
from speechlike import recording
from test_encode import arrays, folder  # noqa: F401 - a fixture

from units.audio.reading import load_audio
from units.audio.writing import pcm16, save
from units.records import InputError, Record


def span_of(path, **more):
    return json.dumps({"id": "001", "audio_filepath": str(path), **more}).encode()


@pytest.fixture
def reused(run, tmp_path):
    """Encode a record named 001 into one folder; return its frames and what was said on stderr."""
    save(tmp_path / "a.wav", recording([0.1, 1.0], seed=1))
    save(tmp_path / "b.wav", recording([0.2, 1.5], seed=2))

    def encode_into(path, **more):
        result = run(
            "su-encode", "-m", "mfcc", "--arrays", tmp_path / "F", stdin=span_of(tmp_path / path, **more)
        )
        assert result.status == 0, result.stderr
        fresh = run("su-encode", "-m", "mfcc", stdin=span_of(tmp_path / path, **more))
        np.testing.assert_array_equal(np.load(tmp_path / "F" / "001.npy"), arrays(fresh.stdout)[0].array)
        return result.stderr

    return encode_into


def test_frames_of_another_recording_with_the_same_id_are_made_again_and_this_is_said(reused, tmp_path):
    assert reused("a.wav") == ""
    said = reused("b.wav")
    assert said.startswith(
        f"su-encode: {tmp_path}/F/001.npy: it was made from {tmp_path}/a.wav, not {tmp_path}/b.wav;"
    )
    assert said.count("\n") == 1
    assert reused("b.wav") == ""


@pytest.mark.parametrize(
    "one, other", [({}, {"offset": 0.3}), ({"duration": 0.5}, {"duration": 0.6}), ({}, {"channel": 0})]
)
def test_frames_of_another_part_of_the_recording_are_made_again(reused, one, other):
    assert reused("a.wav", **one) == ""
    assert "made from another part of" in reused("a.wav", **other)


def test_frames_are_made_again_once_the_recording_was_changed(reused, tmp_path):
    assert reused("a.wav") == ""
    save(tmp_path / "a.wav", recording([0.1, 1.0], seed=3))  # of the same length
    assert "made before" in reused("a.wav")


def test_frames_that_do_not_say_what_they_are_of_are_made_again(reused, tmp_path):
    (tmp_path / "F").mkdir()
    np.save(tmp_path / "F" / "001.npy", np.zeros((9, 39), np.float32))
    assert "001.npy: it does not say what it was made from; it is written again" in reused("a.wav")


def test_one_line_is_said_however_many_frames_are_made_again(run, folder, tmp_path):  # noqa: F811
    command = ["su-encode", "-m", "mfcc", "--arrays", tmp_path / "F"]
    lines = (folder / "segments.jsonl").read_bytes()
    assert run(*command, stdin=lines).stderr == ""
    moved = lines.replace(b'"duration": ', b'"duration": 1e-1, "was": ')
    result = run(*command, stdin=moved)
    assert result.status == 0 and result.stderr.count("\n") == 1
    assert run(*command, stdin=moved).stderr == ""


def test_a_layer_that_was_left_from_before_a_kill_is_made_again(run, folder, tmp_path):  # noqa: F811
    command = ["su-encode", "-m", folder / "model", "--layer", "1,2", "--arrays", tmp_path / "F"]
    talk = {"id": "001", "audio_filepath": str(folder / "talk.wav")}
    one, other = (json.dumps({**talk, "duration": d}).encode() for d in (1.0, 2.0))
    run(*command, stdin=one)
    old = (tmp_path / "F" / "2" / "001.npy").read_bytes()
    wanted = run(*command, stdin=other)
    new = (tmp_path / "F" / "2" / "001.npy").read_bytes()
    (tmp_path / "F" / "2" / "001.npy").write_bytes(old)
    again = run(*command, stdin=other)
    assert again.stdout == wanted.stdout and (tmp_path / "F" / "2" / "001.npy").read_bytes() == new


def test_another_name_of_the_same_file_is_no_reason_to_make_frames_again(run, folder, tmp_path):  # noqa: F811
    command = ["su-encode", "-m", "mfcc", "--arrays", tmp_path / "F"]
    made = set()
    for path in ("talk.wav", "./talk.wav", ".//talk.wav"):
        assert run(*command, stdin=span_of(path), cwd=folder).stderr == ""
        made.add(os.stat(tmp_path / "F" / "001.npy").st_mtime_ns)
    assert len(made) == 1


def changed(path):
    """Write another recording of the same length to a path; return it."""
    save(path, recording([0.1, 1.0], seed=9))
    return path


def test_training_audio_is_decoded_again_once_a_recording_was_changed(tmp_path):
    from units.training.encoder import corpus
    from units.training.vocoder import dataset

    save(tmp_path / "a.wav", recording([0.1, 1.0], seed=1))
    samples = len(load_audio(tmp_path / "a.wav"))
    units = [1] * (samples // 320)
    records = [Record({"id": "a", "audio_filepath": str(tmp_path / "a.wav"), "units": units}, "-:1")]
    for build in (
        lambda: dataset.build_corpus(records, [], str(tmp_path / "v")),
        lambda: corpus.build_corpus(records, str(tmp_path / "e")),
    ):
        before = build()
        audio, content = np.array(before.audio), before.content
        assert build().content == content
        changed(tmp_path / "a.wav")
        after = build()
        assert not np.array_equal(audio, after.audio) and after.content != content
        save(tmp_path / "a.wav", recording([0.1, 1.0], seed=1))


def test_a_channel_is_a_part_of_what_training_audio_is_kept_by(tmp_path):
    from units.training.encoder import corpus

    soundfile.write(tmp_path / "two.wav", np.tile([0.25, -0.5], (16000, 1)), 16000)
    for channel, level in ((0, 8192), (1, -16384)):
        record = Record({"id": "a", "audio_filepath": str(tmp_path / "two.wav"), "channel": channel}, "-:1")
        assert set(corpus.build_corpus([record], str(tmp_path / "c")).audio.tolist()) == {level}


def test_no_key_is_left_next_to_audio_that_a_killed_run_has_replaced(tmp_path, monkeypatch):
    from units.training.encoder import corpus

    save(tmp_path / "a.wav", recording([0.1, 1.0], seed=1))
    save(tmp_path / "b.wav", recording([0.1, 1.0], seed=2))
    one, other = ([Record({"audio_filepath": str(tmp_path / f"{name}.wav")}, "-:1")] for name in "ab")
    wanted = np.array(corpus.build_corpus(one, str(tmp_path / "c")).audio)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(np, "savez", lambda *_args, **_more: (_ for _ in ()).throw(KeyboardInterrupt))
        corpus.build_corpus(other, str(tmp_path / "c"))
    np.testing.assert_array_equal(corpus.build_corpus(one, str(tmp_path / "c")).audio, wanted)


def test_16_bit_audio_is_kept_as_it_was(tmp_path):
    every = np.arange(-32768, 32768)
    assert np.array_equal(np.frombuffer(pcm16(every / 32768), "<i2"), every)
    save(tmp_path / "a.wav", every.astype(np.float32) / 32768)
    assert np.array_equal(soundfile.read(tmp_path / "a.wav", dtype="int16")[0], every)
    assert np.frombuffer(pcm16(np.array([0.6, -0.6, 40000]) / 32768), "<i2").tolist() == [1, -1, 32767]


def test_targets_of_other_recordings_are_made_again_and_mid_round_refused(tmp_path):
    from dataclasses import replace

    from test_pretraining import CONFIG, run_of

    run = run_of(tmp_path, replace(CONFIG, rounds=1))
    first = run._targets()
    other = run_of(tmp_path, replace(CONFIG, rounds=1, seed=7))
    assert run._targets()[0].tolist() == first[0].tolist()
    again = other._targets()
    assert [len(a) for a in again] == [len(a) for a in first] and again[0].tolist() != first[0].tolist()
    run.round, run.step = 1, 3
    with pytest.raises(InputError, match=r"targets-1\.npz: damaged, or of another run"):
        run._targets()


def test_audio_spoken_by_another_vocoder_is_spoken_again(run, corpus, tmp_path):
    command = ["su-synth", "--audio", tmp_path / "spoken", corpus["units.jsonl"], "-m"]
    assert run(*command, corpus["vocoder"]).status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "spoken").iterdir()}
    shutil.copytree(corpus["vocoder"], tmp_path / "other")
    weights = tmp_path / "other" / "generator.safetensors"
    tensors = safetensors.numpy.load_file(weights)
    safetensors.numpy.save_file({name: 0.9 * tensor for name, tensor in tensors.items()}, weights)
    assert run(*command, tmp_path / "other").status == 0
    after = {path.name: path.read_bytes() for path in (tmp_path / "spoken").iterdir()}
    assert before.keys() == after.keys() and all(before[name] != after[name] for name in before)


def test_frames_of_a_model_that_was_changed_in_its_folder_are_made_again(run, folder, tmp_path):  # noqa: F811
    shutil.copytree(folder / "model", tmp_path / "model")
    command = ["su-encode", "-m", tmp_path / "model", "--layer", "2", "--arrays", tmp_path / "F"]
    data = span_of(folder / "talk.wav", duration=1.0)
    assert [run(*command, stdin=data).stderr for _ in range(2)] == ["", ""]
    before = np.load(tmp_path / "F" / "001.npy")
    weights = tmp_path / "model" / "model.safetensors"
    tensors = safetensors.numpy.load_file(weights)
    safetensors.numpy.save_file({name: 0.9 * t for name, t in tensors.items()}, weights, {"format": "pt"})
    result = run(*command, stdin=data)
    assert result.status == 0 and "it was made before the model changed; it is written again" in result.stderr
    assert not np.array_equal(before, np.load(tmp_path / "F" / "001.npy"))
