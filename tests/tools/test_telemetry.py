"""No library reports usage to its makers or leaves an identifier behind."""

import os

import pytest
import soundfile
from speechlike import RATE, recording


@pytest.fixture
def audio(tmp_path):
    """Return the path of a recording."""
    pytest.importorskip("onnxruntime")
    soundfile.write(tmp_path / "a.wav", recording([0.5, 1.5, 0.5], seed=1), RATE)
    return tmp_path / "a.wav"


def test_the_network_that_finds_speech_leaves_nothing_in_the_home_folder(run, audio, tmp_path):
    pytest.importorskip("silero_vad")
    (tmp_path / "home").mkdir()
    result = run("su-segment", "--vad", audio, env={"HOME": str(tmp_path / "home")})
    assert (result.status, result.stderr) == (0, "")
    assert os.listdir(tmp_path / "home") == []


def test_a_home_folder_that_cannot_be_written_to_is_no_trouble(run, audio):
    pytest.importorskip("silero_vad")
    result = run("su-segment", "--vad", audio, env={"HOME": "/proc/none"})
    assert (result.status, result.stderr) == (0, "")
