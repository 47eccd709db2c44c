"""ABX against a slow plain version, on tokens of known answer, and where there is nothing to test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_units import abx as slow_abx
from reference_units import angle, unequal
from reference_units import warp as slow_warp

from units.metrics import abx as abx_module
from units.metrics import token_distances
from units.metrics.abx import abx
from units.metrics.aligned import Aligned
from units.metrics.dtw import local_distances, unit_length, warp
from units.metrics.triphones import (
    TokenFrames,
    Tokens,
    Triphones,
    frame_range,
    sample,
    sample_contexts,
    triphones,
)


def packed(tokens):
    """Return (Tokens, frames) of a list of (context, phone, speaker, frames)."""
    columns = list(zip(*tokens, strict=True))
    lengths = np.array([len(frames) for frames in columns[3]])
    kinds = [np.array(column) for column in columns[:3]]
    return Tokens(*kinds, np.cumsum(lengths) - lengths, lengths), np.concatenate(columns[3])


def means(tokens, **options):
    """Return (within, across) as the slow version does."""
    found = abx(*packed(tokens), **options)
    return tuple(found[kind]["mean"] if kind in found else None for kind in ("within", "across"))


def corpus(seed, speakers=2, size=60, dimensions=None):
    """Return random tokens of two contexts and three phones, their frames leaning towards the phone."""
    generator = np.random.default_rng(seed)
    tokens = []
    for _ in range(size):
        phone = int(generator.integers(3))
        length = int(generator.integers(1, 7))
        if dimensions:
            frames = unit_length(generator.normal(size=(length, dimensions)) + np.eye(3, dimensions)[phone])
        else:
            frames = generator.integers(0, 3, length) + 2 * phone
        tokens.append((int(generator.integers(2)), phone, int(generator.integers(speakers)), frames))
    return tokens


@pytest.mark.parametrize("seed", range(3))
def test_abx_of_units_is_that_of_the_plain_version(seed):
    tokens = corpus(seed)
    assert means(tokens) == pytest.approx(slow_abx(tokens, unequal), abs=1e-6)


@pytest.mark.parametrize(("metric", "local"), [("angular", angle), ("cosine", None)])
def test_abx_of_features_is_that_of_the_plain_version(metric, local):
    tokens = corpus(7, size=40, dimensions=5)
    local = local or (lambda one, other: 1 - float(np.dot(one.astype(float), other.astype(float))))
    assert means(tokens, metric=metric) == pytest.approx(slow_abx(tokens, local), abs=1e-6)


def test_memory_bounds_do_not_change_abx(monkeypatch):
    tokens = corpus(4)
    whole = means(tokens)
    monkeypatch.setattr(token_distances, "CELLS", 300)
    monkeypatch.setattr(abx_module, "CELLS", 300)
    monkeypatch.setattr(token_distances, "BATCH", 7)
    assert means(tokens) == pytest.approx(whole, abs=1e-12)


def test_processes_do_not_change_abx(monkeypatch):
    tokens = corpus(5)
    whole = abx(*packed(tokens))
    monkeypatch.setattr(abx_module, "_FEW", 0)
    monkeypatch.setattr(abx_module, "CELLS", 3000)
    assert abx(*packed(tokens), jobs=2) == whole


def test_units_that_are_phones_make_no_error():
    tokens = [(0, phone, speaker, [phone] * 5) for phone in (0, 1) for speaker in (0, 1) for _ in range(3)]
    assert means(tokens) == (0.0, 0.0)


def test_one_unit_for_all_is_chance():
    tokens = [(0, phone, speaker, [7] * (3 + n)) for phone in (0, 1) for speaker in (0, 1) for n in range(3)]
    assert means(tokens) == (0.5, 0.5)


def test_noise_is_near_chance():
    generator = np.random.default_rng(0)
    tokens = [(0, n % 2, n % 3, generator.integers(0, 50, 8)) for n in range(120)]
    assert means(tokens) == pytest.approx((0.5, 0.5), abs=0.05)


def test_units_of_one_speaker_each_are_right_within_and_wrong_across():
    # Each speaker says phone 0 as the other says phone 1.
    tokens = [(0, phone, speaker, [phone ^ speaker] * 4) for phone in (0, 1) for speaker in (0, 1)] * 2
    assert means(tokens) == (0.0, 1.0)


def test_one_speaker_has_no_figure_across():
    assert means([(0, phone, 0, [phone]) for phone in (0, 0, 1)]) == (0.0, None)


@pytest.mark.parametrize(
    "tokens",
    [
        [(0, 0, 0, [1]), (0, 0, 0, [2])],  # one phone
        [(0, 0, 0, [1]), (1, 1, 0, [2])],  # never in the same context
        [(0, 0, 0, [1]), (0, 1, 0, [2])],  # no second token of either
        [(0, 0, 0, [1])],
    ],
)
def test_where_no_triple_tests_there_is_no_figure(tokens):
    assert means(tokens) == (None, None)


def test_contexts_and_speakers_count_alike_however_many_tokens_they_have():
    # Context 0: many tokens, never wrong. Context 1: few, always wrong, so the mean of A against B is a half.
    good = [(0, phone, 0, [phone] * 3) for phone in (0, 1) for _ in range(9)]
    bad = [(1, 0, 0, [0]), (1, 0, 0, [1]), (1, 1, 0, [0]), (1, 1, 0, [1])]
    error = slow_abx(bad, unequal)[0]
    assert means(good + bad)[0] == pytest.approx(error / 2)


def test_the_interval_holds_the_mean():
    found = abx(*packed(corpus(1)))
    for figure in found.values():
        assert figure["low"] <= figure["mean"] <= figure["high"]


def test_speakers_of_x_beyond_five_are_drawn_with_the_seed():
    tokens = corpus(2, speakers=9, size=160)
    assert means(tokens, seed=1) == means(tokens, seed=1)
    assert means(tokens, seed=1)[0] == means(tokens, seed=2)[0]
    assert means(tokens, seed=1)[1] != means(tokens, seed=2)[1]


SIZES = st.integers(1, 7)


@given(st.lists(st.tuples(SIZES, SIZES), min_size=1, max_size=6), st.integers(0, 99), st.booleans())
@settings(max_examples=60)
def test_warping_is_that_of_the_plain_version_and_the_same_either_way(sizes, seed, whole):
    generator = np.random.default_rng(seed)
    rows, columns = np.array(sizes).T
    distances = generator.random((rows.max(), columns.max(), len(sizes))).astype(np.float32)
    distances = np.round(distances) if whole else distances
    found = warp(distances, rows, columns)
    slow = [slow_warp(distances[:n, :m, p].astype(float).tolist()) for p, (n, m) in enumerate(sizes)]
    assert found == pytest.approx(slow, abs=1e-6)
    assert np.array_equal(warp(np.ascontiguousarray(distances.transpose(1, 0, 2)), columns, rows), found)


def test_a_sequence_said_slower_is_at_no_distance():
    one, other = np.array([1, 2, 3]), np.array([1, 1, 1, 2, 3, 3])
    local = local_distances(one, other, None)[:, :, None]
    assert warp(local, np.array([3]), np.array([6])) == [0.0]


def test_angles_by_hand():
    frames = unit_length([[2.0, 0.0], [0.0, 0.5], [-1.0, 0.0], [0.0, 0.0]])
    assert local_distances(frames, frames[:1], "angular").ravel() == pytest.approx([0, 0.5, 1, 0.5], abs=1e-6)
    assert local_distances(frames, frames[:1], "cosine").ravel() == pytest.approx([0, 1, 2, 1], abs=1e-6)


def record(name, spans, speaker=""):
    return Aligned(name, speaker, 0.02, np.zeros(0, np.int64), spans, np.zeros(0, np.int64))


def test_triphones_span_three_phones_with_no_gap_between():
    spans = [
        [0.0, 0.1, "b"],
        [0.1, 0.2, "i"],
        [0.2, 0.3, "t"],
        [0.4, 0.5, "b"],
        [0.5, 0.6, "e"],
        [0.6, 0.7, "t"],
    ]
    found = triphones([record("a", spans)])
    assert found.begin.tolist() == [0.0, 0.4]
    assert found.end.tolist() == pytest.approx([0.3, 0.7])
    assert found.context.tolist() == [0, 0]
    assert found.phone.tolist() == [0, 1]


def test_a_corpus_with_no_triphone_has_none():
    assert len(triphones([record("a", [[0.0, 0.1, "b"]])])) == 0
    assert len(sample(triphones([]), 3)) == 0


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), max_size=60), st.integers(1, 4), st.integers(0, 3))
def test_a_sample_holds_as_many_of_a_kind_as_may_be(kinds, most, seed):
    columns = [np.array(column, int) for column in zip(*kinds, strict=True)] or [np.zeros(0, int)] * 3
    number = np.arange(len(kinds))
    tokens = Triphones(number, number * 1.0, number + 1.0, *columns)
    drawn = sample(tokens, most, seed)
    left = [kinds[i] for i in drawn.record]
    assert drawn.record.tolist() == sorted(set(drawn.record.tolist()))
    assert {kind: left.count(kind) for kind in set(kinds)} == {
        kind: min(most, kinds.count(kind)) for kind in set(kinds)
    }


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 40), st.integers(0, 3))
def test_contexts_are_drawn_whole(contexts, most, seed):
    number = np.arange(len(contexts))
    same = np.zeros(len(contexts), int)
    drawn = sample_contexts(Triphones(number, same, same, np.array(contexts, int), same, same), most, seed)
    kept = set(drawn.context.tolist())
    assert drawn.record.tolist() == [i for i, context in enumerate(contexts) if context in kept]
    sizes = [contexts.count(context) for context in kept]
    assert sum(size * (size - 1) // 2 for size in sizes) <= most or len(kept) == 1
    assert kept or not contexts


@given(st.integers(0, 30), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_frames_of_a_token_are_those_whose_centres_lie_in_it(frames, begin, length):
    first, count = frame_range(np.array([begin]), np.array([begin + length]), frames, 0.02)
    inside = [i for i in range(frames) if begin <= i * 0.02 + 0.0125 + 1e-7 < begin + length]
    assert list(range(first[0], first[0] + count[0])) == inside


def test_frames_that_no_token_needs_are_not_kept():
    spans = [[0.2, 0.3, "b"], [0.3, 0.4, "i"], [0.4, 0.5, "t"]]
    gathered = TokenFrames(triphones([record("a", []), record("b", spans)]))
    gathered.add(1, np.arange(100), 0.02)
    gathered.add(0, np.arange(100), 0.02)
    tokens, frames = gathered.tokens()
    assert frames.tolist() == list(range(10, 25))
    assert (tokens.start.tolist(), tokens.length.tolist()) == ([0], [15])


def test_tokens_with_no_frame_are_left_out():
    spans = [[0.2, 0.3, "b"], [0.3, 0.4, "i"], [0.4, 0.5, "t"]]
    gathered = TokenFrames(triphones([record("a", spans)]))
    gathered.add(0, np.arange(5), 0.02)
    assert len(gathered.tokens()[0]) == 0
