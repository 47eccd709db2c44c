"""units.metrics.pitch_errors: distances of F0 tracks."""

import numpy as np
import pytest
import reference_speech as reference
from hypothesis import given
from hypothesis import strategies as st

from units.metrics import pitch_errors
from units.metrics.pitch_errors import f0_corr, f0_rmse_cents, f0_rmse_hz, gpe, vde

NAMES = ("f0_rmse_hz", "f0_rmse_cents", "f0_corr", "vde", "gpe")
hertz = st.one_of(st.just(0.0), st.floats(50, 400))
tracks = st.lists(st.tuples(hertz, hertz), min_size=1, max_size=60).map(np.transpose)


def figures(reference_hz, synthesis_hz):
    return {name: getattr(pitch_errors, name)(reference_hz, synthesis_hz) for name in NAMES}


def test_the_same_track_has_no_error():
    track = [0, 100, 110, 130, 0]
    assert figures(track, track) == {
        "f0_rmse_hz": 0, "f0_rmse_cents": 0, "f0_corr": pytest.approx(1), "vde": 0, "gpe": 0
    }  # fmt: skip


def test_an_octave_is_1200_cents_and_gross_but_correlates():
    track = np.array([100.0, 110, 0, 130])
    assert f0_rmse_cents(track, 2 * track) == pytest.approx(1200)
    assert gpe(track, 2 * track) == 1
    assert f0_corr(track, 2 * track) == pytest.approx(1)
    assert vde(track, 2 * track) == 0


def test_all_unvoiced_has_voicing_errors_only():
    silent, voiced = np.zeros(4), np.full(4, 100.0)
    nothing = dict.fromkeys(NAMES)
    assert figures(silent, silent) == nothing | {"vde": 0}
    assert figures(silent, voiced) == nothing | {"vde": 1}
    assert figures(silent[:0], silent[:0]) == nothing


def test_a_flat_track_correlates_with_nothing():
    assert f0_corr([100, 100, 100], [100, 120, 140]) is None
    assert f0_corr([100, 0], [90, 80]) is None


def test_a_gross_error_is_beyond_a_fifth_of_the_reference():
    assert gpe([100, 100, 100, 100], [120, 80, 120.1, 79.9]) == 0.5


@given(tracks)
def test_the_figures_are_those_counted_frame_by_frame(pair):
    found = figures(*pair)
    for name, value in reference.pitch_errors(*pair).items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


@given(tracks)
def test_swapping_the_tracks_changes_gross_errors_only(pair):
    a, b = pair
    for measure in (f0_rmse_hz, f0_rmse_cents, vde, f0_corr):
        assert measure(a, b) == pytest.approx(measure(b, a), abs=1e-9)


def test_the_correlation_is_that_of_numpy():
    a, b = np.random.default_rng(0).uniform(60, 300, (2, 50))
    assert f0_corr(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
