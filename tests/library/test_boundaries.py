"""Boundaries: matched one to one within 20 ms, and the figures that follow from how many were."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_units import matches as slow_matches

from units.metrics import boundaries

TIMES = st.lists(st.integers(0, 40), unique=True, max_size=15).map(
    lambda ticks: sorted(t / 100 for t in ticks)
)


@given(TIMES, TIMES)
def test_as_many_boundaries_are_matched_as_can_be(reference, found):
    assert boundaries.count_matches(reference, found) == slow_matches(reference, found, 0.02)


@given(TIMES, TIMES)
def test_matching_is_the_same_from_either_side(one, other):
    assert boundaries.count_matches(one, other) == boundaries.count_matches(other, one)


@given(TIMES)
def test_every_boundary_finds_itself(times):
    assert boundaries.count_matches(times, times) == len(times)


def test_two_boundaries_near_one_find_it_once():
    assert boundaries.count_matches([0.10], [0.09, 0.11]) == 1


@pytest.mark.parametrize(("gap", "found"), [(0.02, 1), (0.0201, 0), (-0.02, 1)])
def test_twenty_milliseconds_is_near_enough_and_no_more(gap, found):
    assert boundaries.count_matches([0.3], [0.3 + gap]) == found


def test_figures_by_hand():
    # 8 of 10 found among 16: precision .5, recall .8, over-segmentation .6.
    figures = boundaries.scores(8, 10, 16)
    assert figures["precision"] == 0.5
    assert figures["recall"] == 0.8
    assert figures["f1"] == pytest.approx(2 * 0.5 * 0.8 / 1.3)
    assert figures["os"] == pytest.approx(0.6)
    r1, r2 = math.hypot(0.2, 0.6), (-0.6 + 0.8 - 1) / math.sqrt(2)
    assert figures["r"] == pytest.approx(1 - (abs(r1) + abs(r2)) / 2)


def test_over_segmentation_is_the_published_ratio_of_recall_to_precision():
    figures = boundaries.scores(8, 10, 16)
    assert figures["os"] == pytest.approx(figures["recall"] / figures["precision"] - 1)


def test_perfect_boundaries_score_one():
    figures = boundaries.scores(7, 7, 7)
    assert figures == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "os": 0.0, "r": 1.0}


def test_cutting_everywhere_finds_all_and_is_punished_by_the_r_value_alone():
    figures = boundaries.scores(10, 10, 100)
    assert figures["recall"] == 1.0
    assert figures["r"] < 0


def test_where_nothing_is_found_precision_is_unknown_and_recall_zero():
    figures = boundaries.scores(0, 5, 0)
    assert "precision" not in figures
    assert figures["recall"] == figures["f1"] == 0.0


def test_where_there_is_nothing_to_find_recall_is_unknown():
    assert boundaries.scores(0, 0, 3) == {"precision": 0.0, "f1": 0.0}


def test_unit_boundaries_lie_half_way_between_the_centres_of_frames():
    assert boundaries.unit_boundaries([1, 1, 2, 3], 0.02, 0.0125, [True] * 4) == pytest.approx(
        [0.0425, 0.0625]
    )


def test_changes_inside_silence_are_no_boundaries_but_its_edges_are():
    audible = [False, False, True, True, False, False]
    found = boundaries.unit_boundaries([1, 2, 3, 3, 4, 5], 0.02, 0.01, audible)
    assert found == pytest.approx([0.04, 0.08])


def test_the_edges_of_a_record_are_no_boundaries():
    spans = [[0.0, 0.3, "a"], [0.3, 0.9, "b"]]
    assert boundaries.phone_boundaries(spans, 0.0125, 0.85).tolist() == [0.3]


def test_a_record_of_no_frames_has_no_boundaries():
    assert len(boundaries.unit_boundaries([], 0.02, 0.0125, [])) == 0
    assert len(boundaries.phone_boundaries([], 0.0125, -0.0075)) == 0
    assert np.array_equal(boundaries.unit_boundaries([4], 0.02, 0.0125, [True]), [])
