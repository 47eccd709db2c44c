"""What is kept and used again belongs to the record that asks for it, or is made again, which is said."""

import json
import os

import numpy as np
import pytest
from speechlike import recording
from test_encode import arrays, folder  # noqa: F401 - a fixture

from units.audio.writing import save


def span_of(path, **more):
    return json.dumps({"id": "001", "audio_filepath": str(path), **more}).encode()


@pytest.fixture
def reused(run, tmp_path):
    """Encode a record named 001 into one folder; return its frames and what was said on stderr."""
    save(tmp_path / "a.wav", recording([0.1, 1.0], seed=1))
    save(tmp_path / "b.wav", recording([0.2, 1.5], seed=2))

    def encode_into(path, **more):
        result = run("su-encode", "-m", "mfcc", "-o", tmp_path / "F", stdin=span_of(tmp_path / path, **more))
        assert result.status == 0, result.stderr
        fresh = run("su-encode", "-m", "mfcc", stdin=span_of(tmp_path / path, **more))
        np.testing.assert_array_equal(np.load(tmp_path / "F" / "001.npy"), arrays(fresh.stdout)[0].array)
        return result.stderr

    return encode_into


def test_frames_of_another_recording_with_the_same_id_are_made_again_and_this_is_said(reused, tmp_path):
    assert reused("a.wav") == ""
    said = reused("b.wav")
    assert said.startswith(
        f"su-encode: {tmp_path}/F/001.npy: made from {tmp_path}/a.wav, not {tmp_path}/b.wav;"
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
    assert "001.npy: does not say what it was made from; made again" in reused("a.wav")


def test_one_line_is_said_however_many_frames_are_made_again(run, folder, tmp_path):  # noqa: F811
    command = ["su-encode", "-m", "mfcc", "-o", tmp_path / "F"]
    lines = (folder / "segments.jsonl").read_bytes()
    assert run(*command, stdin=lines).stderr == ""
    moved = lines.replace(b'"duration": ', b'"duration": 1e-1, "was": ')
    result = run(*command, stdin=moved)
    assert result.status == 0 and result.stderr.count("\n") == 1
    assert run(*command, stdin=moved).stderr == ""


def test_a_layer_that_was_left_from_before_a_kill_is_made_again(run, folder, tmp_path):  # noqa: F811
    command = ["su-encode", "-m", folder / "model", "--layers", "1,2", "-o", tmp_path / "F"]
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
    command = ["su-encode", "-m", "mfcc", "-o", tmp_path / "F"]
    made = set()
    for path in ("talk.wav", "./talk.wav", ".//talk.wav"):
        assert run(*command, stdin=span_of(path), cwd=folder).stderr == ""
        made.add(os.stat(tmp_path / "F" / "001.npy").st_mtime_ns)
    assert len(made) == 1
