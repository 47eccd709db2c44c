"""Phones that are late or early as a whole."""

import numpy as np
import pytest

from units.labels.matching import phones_of
from units.labels.names import Named
from units.metrics.aligned import align
from units.metrics.label_lag import label_lag


def corpus(late, count=40, seed=0):
    """Return Aligned records whose units change with their phones, which are labelled late."""
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        sounds = random.integers(0, 8, 20)
        lengths = random.integers(3, 9, 20)
        units = np.repeat(sounds, lengths)
        noisy = np.where(random.random(len(units)) < 0.2, random.integers(0, 8, len(units)), units)
        edges = np.concatenate([[0], np.cumsum(lengths)]) * 0.02 + late
        spans = [[a, b, "abcdefgh"[s]] for a, b, s in zip(edges, edges[1:], sounds, strict=False)]
        found.append(align({"id": str(number), "units": noisy.tolist()}, spans))
    return found


@pytest.mark.parametrize("late", [-0.08, -0.02, 0.0, 0.06, 0.12])
def test_the_lag_of_phones_is_found_to_half_a_frame(late):
    lag, now, better = label_lag(corpus(late))
    assert lag == pytest.approx(late, abs=0.011)
    assert better >= now and (abs(late) < 0.03 or better > 1.2 * now)


def test_few_frames_say_nothing_about_the_lag():
    assert label_lag(corpus(0.1, count=2)) is None


def test_phones_of_a_whole_file_are_moved_before_they_are_cut():
    phones = Named({"rec": [[0.0, 1.0, "a"], [1.0, 2.0, "b"]]})
    record = {"id": "x", "audio_filepath": "/d/rec.wav", "offset": 0.9, "duration": 0.5}
    assert phones_of(record, phones)[0][:2] == pytest.approx([0.0, 0.1])
    first, second = phones_of(record, phones, 0.2)
    assert first[:2] == pytest.approx([0.0, 0.3]) and second[:2] == pytest.approx([0.3, 0.5])
    own = Named({"x": [[0.0, 0.3, "a"]]})
    assert phones_of(record, own, -0.1) == [[-0.1, pytest.approx(0.2), "a"]]
