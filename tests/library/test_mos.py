"""units.metrics.mos: a network's guess at what listeners would say."""

import importlib.resources
import itertools

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from speechlike import recording

from units.metrics.mos import WINDOW, mos, starts


def test_one_window_scores_as_the_network_and_the_published_calibration_say():
    wave = recording([0.3, 4, 0.5, 4, 0.21])[:WINDOW]
    path = importlib.resources.files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
    raw = onnxruntime.InferenceSession(str(path)).run(None, {"input_1": wave[None]})[0][0][2]
    assert len(wave) == WINDOW
    assert mos(wave) == pytest.approx(-0.06766283 * raw**2 + 1.11546468 * raw + 0.04602535, abs=1e-5)


def test_what_is_short_is_repeated():
    wave = recording([0.2, 1])
    assert mos(wave) == mos(np.resize(wave, WINDOW))


def test_noise_scores_little():
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
    assert 1 <= mos(noise) < mos(recording([0.2, 1])) <= 5


def test_silence_and_nothing_have_no_score():
    assert mos(np.zeros(16000)) is None
    assert mos(np.zeros(0)) is None


@given(st.integers(1, 20 * WINDOW))
def test_the_windows_cover_a_recording_and_are_as_few_as_can_be(samples):
    first = starts(samples)
    assert first[0] == 0 and first[-1] == max(0, samples - WINDOW)
    assert all(b - a <= WINDOW for a, b in itertools.pairwise(first))
    assert (len(first) - 1) * WINDOW < samples
