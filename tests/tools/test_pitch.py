"""F0 of sounds whose pitch is known, and its bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from speechlike import vowel

from units.audio.pitch import bin_to_hz, estimate, hz_to_bin
from units.audio.timing import HOP, RATE, frame_count


@pytest.mark.parametrize("f0_hz", [70.0, 120.0, 250.0, 380.0])
def test_a_voice_of_known_pitch_is_found(f0_hz):
    samples = vowel(1.0, f0_hz)
    found = estimate(samples)
    assert len(found) == frame_count(len(samples))
    inside = found[5:-5]
    assert (inside > 0).mean() > 0.95
    np.testing.assert_allclose(inside[inside > 0], f0_hz, rtol=0.01)


def test_noise_and_silence_have_no_pitch():
    assert not estimate(np.zeros(RATE, np.float32)).any()
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1
    assert (estimate(noise) > 0).mean() < 0.2


def test_frames_of_pitch_are_centred_where_those_of_units_are():
    time = np.arange(2 * RATE) / RATE  # a chirp from 100 to 200 Hz: its pitch tells the time
    chirp = sum(np.sin(2 * np.pi * k * (100 * time + 25 * time**2)) / k for k in range(1, 8)).astype(
        np.float32
    )
    found = estimate(0.2 * chirp)
    centre = (np.arange(len(found)) * HOP + 200) / RATE
    off_s = (found - (100 + 50 * centre)) / 50
    assert abs(np.median(off_s[10:-10])) < 0.003


def test_what_is_shorter_than_a_frame_has_none():
    assert estimate(np.zeros(399, np.float32)).shape == (0,)


@given(st.integers(0, 32))
def test_a_bin_survives_the_way_to_hertz_and_back(index):
    assert hz_to_bin(bin_to_hz(index, 32), 32) == index


@given(st.floats(50, 400), st.integers(8, 64))
def test_a_frequency_keeps_within_half_a_bin(f0_hz, bins):
    step = np.log(400 / 50) / bins
    assert abs(np.log(bin_to_hz(hz_to_bin(f0_hz, bins), bins) / f0_hz)) <= step / 2 + 1e-9
