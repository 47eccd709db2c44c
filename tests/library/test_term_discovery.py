"""Normalised edit distance and coverage of discovered terms."""

import pytest

from units.metrics.term_discovery import PhoneCorpus, phones_within

PHONES = [[0.0, 0.1, "a"], [0.1, 0.2, "b"], [0.2, 0.3, "c"], [0.3, 0.34, "d"]]


def test_a_phone_counts_with_30_ms_or_more_than_half_of_it():
    assert phones_within(PHONES, 0.075, 0.2) == range(1, 2)
    assert phones_within(PHONES, 0.07, 0.2) == range(0, 2)
    assert phones_within(PHONES, 0.2, 0.325) == range(2, 4)
    assert not phones_within(PHONES, 0.5, 0.9)


def test_like_terms_have_no_distance_and_unlike_ones_all():
    corpus = PhoneCorpus({"x": PHONES, "y": PHONES})
    same = corpus.figures([[("x", 0.0, 0.2), ("y", 0.0, 0.2)]])
    assert (same["ned"], same["coverage"], same["pairs"]) == (0.0, 0.5, 1)
    assert corpus.figures([[("x", 0.0, 0.1), ("x", 0.1, 0.2)]])["ned"] == 1.0
    partly = corpus.figures([[("x", 0.0, 0.3), ("y", 0.0, 0.2)]])
    assert partly["ned"] == pytest.approx(1 / 3)


def test_a_phone_in_two_fragments_is_covered_once_and_silence_pairs_are_left_out():
    corpus = PhoneCorpus({"x": PHONES})
    found = corpus.figures([[("x", 0.0, 0.2), ("x", 0.1, 0.3)], [("x", 1.0, 2.0), ("x", 3.0, 4.0)]])
    assert (found["coverage"], found["fragments"], found["pairs"]) == (0.75, 4, 1)


def test_of_nothing_nothing_is_computed():
    assert PhoneCorpus({}).figures([]) == {
        "ned": None,
        "coverage": None,
        "terms": 0,
        "fragments": 0,
        "pairs": 0,
    }
    assert PhoneCorpus({"x": PHONES}).figures([[("y", 0.0, 1.0)]])["coverage"] == 0.0
