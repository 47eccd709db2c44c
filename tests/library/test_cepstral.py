"""units.metrics.cepstral: mel-cepstra of WORLD envelopes and the distortion between them."""

import numpy as np
import pytest
import reference_speech as reference
from hypothesis import given
from hypothesis import strategies as st
from speechlike import phrase, vowel

from units.metrics import cepstral
from units.metrics.cepstral import (
    ALPHA,
    ORDER,
    f0_track,
    mcd,
    mcd_dtw,
    mel_cepstra,
    warp_frequency,
    warping_path,
)

FREQUENCY = np.linspace(0, np.pi, 513)


def log_power(cepstrum):
    """Return the log power spectrum that has this cepstrum: (1, 513)."""
    return 2 * sum(c * np.cos(m * FREQUENCY) for m, c in enumerate(cepstrum))[None]


def speech(seconds, seed):
    """Return what a microphone hears of a phrase: no frequency is quite silent."""
    samples = phrase(seconds, seed)
    return samples + 1e-3 * np.random.default_rng(9).standard_normal(len(samples))


def of(samples):
    return mel_cepstra(samples, f0_track(samples))


def test_a_single_delay_warps_into_the_series_of_the_all_pass():
    expected = [ALPHA, *((1 - ALPHA**2) * (-ALPHA) ** k for k in range(ORDER))]
    assert warp_frequency(log_power([0, 1]))[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("cepstrum", [[0.7], [0.1, -0.4, 0.3, 0.2], [-1, *np.linspace(0.5, -0.5, 9)]])
def test_warped_cepstra_are_those_of_numerical_integration(cepstrum):
    assert warp_frequency(log_power(cepstrum))[0] == pytest.approx(
        reference.mel_cepstrum(cepstrum, ORDER, ALPHA), abs=1e-6
    )


def test_the_distortion_of_one_coefficient_off_by_one_is_6_14_db():
    a, b = np.zeros((10, ORDER + 1)), np.zeros((10, ORDER + 1))
    b[:, 7] = 1
    assert mcd(a, b) == mcd_dtw(a, b) == pytest.approx(10 / np.log(10) * np.sqrt(2), abs=1e-12)
    b[:5] = 0
    assert mcd(a, b) == pytest.approx(5 / np.log(10) * np.sqrt(2), abs=1e-12)


def test_loudness_is_not_looked_at():
    loud = speech(0.5, 0)
    assert mcd(of(loud), of(loud)) == mcd_dtw(of(loud), of(loud)) == 0
    assert mcd(of(loud), of(loud / 2)) < 0.01


def test_other_words_are_farther_away_than_the_same_ones_later():
    first, other = speech(1, 0), speech(1, 1)
    late = np.concatenate([1e-3 * np.random.default_rng(8).standard_normal(800), first])[: len(first)]
    assert mcd_dtw(of(first), of(late)) < 0.5 * mcd(of(first), of(late))
    assert mcd_dtw(of(first), of(late)) < 0.5 * mcd_dtw(of(first), of(other))


vectors = st.integers(1, 12).flatmap(
    lambda n: st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(n, 3)))
)


@given(vectors, vectors)
def test_the_best_alignment_is_that_of_the_plain_recurrence(x, y):
    cost, pairs = warping_path(x, y, 100)
    expected = reference.align(x, y)
    assert (cost, pairs) == (pytest.approx(expected[0], abs=1e-9), expected[1])


@given(vectors, st.data())
def test_a_sequence_that_dwells_aligns_at_no_cost(x, data):
    counts = data.draw(st.lists(st.integers(1, 4), min_size=len(x), max_size=len(x)))
    cost, pairs = warping_path(x, np.repeat(x, counts, axis=0), 100)
    assert (cost, pairs) == (0, sum(counts))


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_of_equal_lengths_the_aligned_distortion_is_never_the_greater(frames, seed):
    x, y = np.random.default_rng(seed).normal(size=(2, frames, ORDER + 1))
    assert mcd_dtw(x, y) <= mcd(x, y) + 1e-9


def test_a_path_keeps_within_its_band():
    x = np.random.default_rng(0).normal(size=(300, 2))
    late = np.concatenate([np.full((20, 2), 9.0), x])
    wide, narrow = warping_path(x, late, 400)[0], warping_path(x, late, 2)[0]
    assert 1.2 * wide < narrow < np.inf
    assert np.isfinite(warping_path(x, np.repeat(x, 7, axis=0), 3)[0])
    assert np.isfinite(warping_path(np.repeat(x, 7, axis=0), x, 3)[0])


def test_a_vowel_of_known_pitch_is_found():
    voiced = f0_track(vowel(1, 150))
    assert np.median(voiced[voiced > 0]) == pytest.approx(150, rel=0.005)


def test_the_pitch_of_a_long_recording_is_found_in_stretches_that_do_not_show(monkeypatch):
    samples = speech(5, 0)
    whole = f0_track(samples)
    monkeypatch.setattr(cepstral, "_STRETCH", 270)
    parts = f0_track(samples)
    assert len(parts) == len(whole) == len(samples) // 80 + 1
    assert np.mean(np.abs(parts - whole) > 0.1) < 0.02
    assert len(f0_track(samples[: 270 * 80])) == 271 and len(f0_track(samples[: 270 * 80 - 1])) == 270


def test_a_long_recording_is_done_in_blocks_that_do_not_show(monkeypatch):
    samples = speech(1, 0)
    whole = of(samples)
    monkeypatch.setattr(cepstral, "_BLOCK", 30)
    assert np.abs(of(samples) - whole).max() < 0.01  # WORLD adds noise at -200 dB, in each block anew


def test_silence_and_the_shortest_audio_have_finite_cepstra_and_nothing_has_none():
    for samples in (np.zeros(8000), np.zeros(1), phrase(1, 0)[:100]):
        assert np.isfinite(of(samples)).all() and len(of(samples))
    assert of(np.zeros(0)).shape == (0, ORDER + 1)
    assert mcd(of(np.zeros(0)), of(np.zeros(0))) is None
    assert mcd_dtw(of(np.zeros(0)), of(phrase(1, 0))) is None
