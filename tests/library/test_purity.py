"""PNMI and purities against scikit-learn, by hand, and of nothing; the map and edit distance of PER."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_units import edit_distance as slow_edit_distance
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from units.metrics import phone_error, purity

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=200)
SHORT = st.lists(st.integers(0, 3), max_size=12)


def counts_of(pairs):
    phones, units = zip(*pairs, strict=True)
    counts = np.zeros((6, 9), np.int64)
    np.add.at(counts, (phones, units), 1)
    return counts


@given(LABELS)
def test_pnmi_is_scikit_learns_mutual_information_over_the_entropy_of_phones(pairs):
    phones, units = zip(*pairs, strict=True)
    found, of_phones = purity.pnmi(counts_of(pairs)), mutual_info_score(phones, phones)
    if len(set(phones)) == 1:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(mutual_info_score(phones, units) / of_phones, abs=1e-6)


@given(LABELS)
def test_purities_are_those_of_scikit_learns_contingency_matrix(pairs):
    phones, units = zip(*pairs, strict=True)
    matrix = contingency_matrix(phones, units)
    assert purity.phone_purity(counts_of(pairs)) == pytest.approx(matrix.max(axis=0).sum() / len(pairs))
    assert purity.cluster_purity(counts_of(pairs)) == pytest.approx(matrix.max(axis=1).sum() / len(pairs))


def test_pnmi_by_hand():
    # Half the frames tell the phone, half tell nothing: of one bit half is known.
    counts = np.array([[2, 0, 2], [0, 2, 2]])
    assert purity.pnmi(counts) == pytest.approx(0.5)
    assert purity.phone_purity(counts) == pytest.approx(0.75)
    assert purity.cluster_purity(counts) == pytest.approx(0.5)


def test_one_unit_tells_nothing():
    counts = np.array([[5], [3], [2]])
    assert purity.pnmi(counts) == pytest.approx(0.0, abs=1e-12)
    assert purity.phone_purity(counts) == 0.5
    assert purity.cluster_purity(counts) == 1.0


def test_of_one_phone_there_is_nothing_to_tell():
    assert math.isnan(purity.pnmi(np.array([[5, 3]])))


def test_a_unit_for_every_frame_is_pure_of_phones_but_not_of_clusters():
    counts = np.kron(np.eye(2, dtype=int), np.ones((1, 50), int))
    assert purity.pnmi(counts) == pytest.approx(1.0)
    assert purity.phone_purity(counts) == 1.0
    assert purity.cluster_purity(counts) == 0.02


@pytest.mark.parametrize("figure", [purity.pnmi, purity.phone_purity, purity.cluster_purity])
@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 0), (2, 2)])
def test_of_no_frames_nothing_can_be_said(figure, shape):
    assert math.isnan(figure(np.zeros(shape, int)))


@given(SHORT, SHORT)
def test_the_edit_distance_is_levenshteins(reference, found):
    assert phone_error.edit_distance(reference, found) == slow_edit_distance(tuple(reference), tuple(found))


@given(LABELS)
def test_no_other_map_of_units_to_phones_is_right_at_more_frames(pairs):
    counts = counts_of(pairs)
    best = phone_error.best_map(counts)
    right = sum(counts[phone, unit] for unit, phone in enumerate(best) if phone >= 0)
    assert right == pytest.approx(purity.phone_purity(counts) * len(pairs))


def test_a_map_of_no_phones_maps_nothing():
    assert phone_error.best_map(np.zeros((0, 3), int)).tolist() == [-1, -1, -1]
