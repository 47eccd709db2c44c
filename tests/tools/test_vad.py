"""Speech found by a neural network."""

import importlib.util

import numpy as np
import pytest
import soundfile
from speechlike import RATE, phrase, silence

from units.audio import vad
from units.audio.segment import levels
from units.audio.vad import speech_by_network
from units.cli.segment import main
from units.cli.tool import run


def judge(path, samples):
    """Return which 10 ms of the samples the network takes for speech."""
    soundfile.write(path, samples, RATE)
    levels_db = levels(str(path)).mix
    speech = speech_by_network(str(path), len(levels_db))
    assert speech.shape == levels_db.shape and speech.dtype == bool
    return speech


def test_speech_is_found_between_silences_and_noise(tmp_path):
    rng = np.random.default_rng(0)
    noise = (0.02 * rng.standard_normal(2 * RATE)).astype(np.float32)
    speech = judge(tmp_path / "a.wav", np.concatenate([silence(2), phrase(3, 0), silence(2), noise]))
    assert speech[200:500].mean() > 0.9
    assert speech[:190].mean() < 0.05 and speech[540:].mean() < 0.05


def test_a_tone_is_loud_but_no_speech(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)
    assert judge(tmp_path / "a.wav", tone).mean() < 0.2


@pytest.mark.parametrize("samples", [1, 160, 511, 512, 513, 1000])
def test_the_shortest_audio_is_judged(tmp_path, samples):
    assert not judge(tmp_path / "a.wav", np.zeros(samples)).any()


def test_the_blocks_that_a_file_is_read_in_change_nothing(tmp_path, monkeypatch):
    samples = np.concatenate([phrase(2, 0), silence(1), phrase(1.5, 1)])
    whole = judge(tmp_path / "a.wav", samples)
    monkeypatch.setattr(vad, "blocks", lambda _path, _channel: np.array_split(np.float32(samples), 37))
    soundfile.write(tmp_path / "b.wav", samples, RATE)
    np.testing.assert_array_equal(speech_by_network(str(tmp_path / "b.wav"), len(whole)), whole)


def test_a_missing_network_is_one_line_that_says_what_brings_it(tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "a.wav", phrase(1, 0), RATE)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "silero_vad" else find(n))
    assert run(main, "su-segment", ["--vad", str(tmp_path / "a.wav")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("su-segment: --vad needs silero-vad; ") and err.count("\n") == 1
