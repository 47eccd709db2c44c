"""Which motifs come first: frequent words, reliable pairs, or frequent sounds."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from processes import ROOT

from units.patterns.motifs import RANKINGS, Motif


def motif(piece, count, seconds, llr):
    starts = 10.0 * np.arange(count)
    return Motif(piece, [1, 2], np.arange(count), starts, starts + seconds, llr)


TWICE = motif(1, 2, 0.6, 90.0)
SOUND = motif(2, 50, 0.1, 400.0)
WORD = motif(3, 6, 0.4, 120.0)
OFTEN = motif(4, 30, 0.3, 200.0)


def order(ranking, motifs):
    return [each.piece for each in sorted(motifs, key=RANKINGS[ranking])]


def test_words_first_puts_frequent_long_motifs_before_pairs_and_sounds():
    assert order("words", [SOUND, TWICE, OFTEN, WORD]) == [3, 4, 1, 2]


def test_the_limits_of_words_belong_to_them():
    at_limit, below = motif(5, 5, 0.2, 10.0), motif(6, 5, 0.18, 1000.0)
    assert order("words", [below, TWICE, at_limit]) == [5, 6, 1]


def test_the_other_rankings_keep_their_order():
    assert order("llr", [WORD, TWICE, OFTEN, SOUND]) == [2, 4, 3, 1]
    assert order("count", [WORD, TWICE, OFTEN, SOUND]) == [2, 4, 3, 1]


@pytest.mark.parametrize("ranking", RANKINGS)
def test_equal_motifs_are_ranked_by_piece_whatever_order_they_come_in(ranking):
    motifs = [motif(piece, 5, 0.3, 50.0) for piece in (9, 7, 8)]
    assert order(ranking, motifs) == order(ranking, motifs[::-1]) == [7, 8, 9]


@pytest.fixture(scope="module")
def bench():
    """bench/ranking.py as a module."""
    spec = importlib.util.spec_from_file_location("ranking", Path(ROOT) / "bench" / "ranking.py")
    module = sys.modules["ranking"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def spans(labels):
    return [[0.1 * i, 0.1 * (i + 1), label] for i, label in enumerate(labels.split())]


def test_words_get_the_times_of_their_phones(bench):
    found = bench.voice_words("Он сказ+ал", spans("oo n s k a z aa l"))
    assert [word for _, _, word in found] == ["он", "сказал"]
    assert [round(end, 6) for _, end, _ in found] == [0.2, 0.8]


def test_a_motif_is_good_if_most_occurrences_say_the_same(bench):
    phones = spans("s k a z aa l b e d a n o")
    truth = [(phones, [])] * 3
    same = Motif(1, [1, 2], np.arange(3), np.array([0.0, 0.0, 0.6]), np.array([0.6, 0.6, 1.2]), 1.0)
    assert bench.judge(same, truth).good
    apart = Motif(1, [1, 2], np.arange(3), np.array([0.0, 0.3, 0.6]), np.array([0.6, 0.9, 1.2]), 1.0)
    assert not bench.judge(apart, truth).good
