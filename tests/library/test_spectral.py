"""units.metrics.spectral: log-mel distance and the comb of a frame rate."""

import numpy as np
import pytest
import reference_speech as reference
import torch
from hypothesis import given
from hypothesis import strategies as st
from speechlike import phrase

from units.metrics.spectral import SIZE, comb_db, log_mel
from units.training.vocoder.losses import LogMel


def noise(seconds, seed=0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal(round(16000 * seconds))


def clicks(seconds, rate_hz):
    wave = np.zeros(round(16000 * seconds))
    wave[:: round(16000 / rate_hz)] = 0.5
    return wave


def test_a_copy_has_no_distance():
    speech = phrase(1, 0)
    assert log_mel(speech, speech) == 0


def test_a_copy_half_as_loud_is_ln_2_away():
    assert log_mel(noise(1), noise(1) / 2) == pytest.approx(np.log(2), abs=1e-9)


def test_the_distance_is_the_loss_that_vocoders_train_on():
    a, b = phrase(1.3, 0), phrase(1.3, 1)
    with torch.inference_mode():
        loss = torch.nn.functional.l1_loss(*(LogMel()(torch.from_numpy(x)[None]) for x in (a, b)))
    assert log_mel(a, b) == pytest.approx(float(loss), rel=1e-4)


def test_the_distance_of_a_long_recording_is_that_of_its_windows_together():
    a, b = noise(40, 0), noise(40, 1)
    parts = [log_mel(*pair) for pair in zip(np.split(a, 4), np.split(b, 4), strict=True)]
    assert log_mel(a, b) == pytest.approx(np.mean(parts), rel=5e-3)


def test_silence_against_silence_has_no_distance_and_what_is_too_short_none_at_all():
    assert log_mel(np.zeros(4000), np.zeros(4000)) == 0
    assert log_mel(np.zeros(SIZE - 1), np.zeros(SIZE - 1)) is None


def test_a_click_each_frame_is_a_comb_and_noise_and_speech_are_none():
    assert comb_db(clicks(3, 50)) > 40
    assert abs(comb_db(noise(20))) < 0.3
    assert abs(comb_db(phrase(20, 0, f0_hz=117))) < 1.5


def test_a_comb_under_noise_stands_out_the_more_the_louder_it_is():
    figures = [comb_db(noise(10) + level * clicks(10, 50)) for level in (0, 0.5, 1, 2)]
    assert figures == sorted(figures) and figures[-1] - figures[0] > 3


def test_the_comb_is_looked_for_at_the_frame_rate():
    assert comb_db(clicks(3, 100), frame_shift=0.01) > 40
    assert comb_db(clicks(3, 64)) < 5


@given(st.floats(1e-3, 100))
def test_the_comb_does_not_depend_on_loudness(gain):
    wave = noise(1) + clicks(1, 50)
    assert comb_db(gain * wave) == pytest.approx(comb_db(wave), abs=1e-6)


def test_the_comb_is_that_of_a_plain_transform():
    wave = noise(0.1, seed=3) + 0.3 * clicks(0.1, 1000)
    assert comb_db(wave, frame_shift=0.001) == pytest.approx(reference.comb_db(wave, 16000, 0.001), abs=1e-6)


@pytest.mark.parametrize("wave", [np.zeros(16000), np.full(16000, 0.3), np.zeros(0), noise(0.39)])
def test_silence_and_what_is_under_twenty_frames_have_no_comb(wave):
    assert comb_db(wave) is None
