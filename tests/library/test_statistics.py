"""Entropies, bits, runs, dead units; and the intervals that every mean comes with."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from reference_units import conditional_entropy

from units.codebook.runs import run_lengths
from units.metrics import bootstrap, purity, statistics

UNITS = st.lists(st.integers(0, 4), min_size=2, max_size=60)


@given(UNITS)
def test_entropy_is_scipys(units):
    counts = np.bincount(units)
    assert purity.entropy(counts) == pytest.approx(scipy.stats.entropy(counts, base=2), abs=1e-9)


@given(UNITS)
def test_bigram_entropy_is_that_of_a_unit_given_the_one_before(units):
    pairs = statistics.bigrams(units)
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    found = statistics.bigram_entropy(counts, np.bincount(pairs[:, 0]))
    assert found == pytest.approx(conditional_entropy(units), abs=1e-9)


def test_a_stream_that_repeats_itself_has_no_bigram_entropy():
    pairs = statistics.bigrams([0, 1, 2] * 20)
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    assert statistics.bigram_entropy(counts, np.bincount(pairs[:, 0])) == pytest.approx(0.0, abs=1e-12)


def test_a_hundred_equal_units_at_fifty_hertz_are_332_bits_a_second():
    bits = purity.entropy(np.ones(100))
    rate = statistics.bitrate(bits, 500, 10.0)
    assert rate == pytest.approx(50 * math.log2(100))
    assert statistics.compression(rate) == pytest.approx(256_000 / (50 * math.log2(100)))


def test_one_unit_carries_no_bits_and_has_no_compression():
    assert purity.entropy([7]) == 0.0
    assert math.isnan(statistics.compression(statistics.bitrate(0.0, 50, 1.0)))


@given(UNITS)
def test_run_lengths_add_up_to_the_frames_and_no_two_runs_beside_are_equal(units):
    lengths = run_lengths(units)[1]
    starts = np.cumsum(lengths) - lengths
    heads = np.asarray(units)[starts]
    assert np.array_equal(np.repeat(heads, lengths), units)
    assert (heads[1:] != heads[:-1]).all()


def test_of_nothing_there_is_no_figure():
    assert len(run_lengths([])[1]) == 0
    assert math.isnan(statistics.mean_run(0, 0))
    assert math.isnan(statistics.short_runs(0, 0))
    assert math.isnan(purity.entropy([]))
    assert math.isnan(statistics.bigram_entropy([], []))
    assert statistics.dead_units([]) == 0


def test_the_interval_of_a_mean_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(1).normal(5.0, 2.0, 80)
    found = bootstrap.interval(values, seed=0, resamples=4000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert found["mean"] == pytest.approx(values.mean())
    assert [found["low"], found["high"]] == pytest.approx([theirs.low, theirs.high], abs=0.03)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.integers(0, 5))
def test_a_mean_lies_in_its_interval_and_the_interval_in_the_data(values, seed):
    found = bootstrap.interval(values, seed, resamples=200)
    assert min(values) - 1e-6 <= found["low"] <= found["high"] <= max(values) + 1e-6
    assert found == bootstrap.interval(values, seed, resamples=200)


def test_an_interval_does_not_depend_on_how_many_draws_fit_in_memory(monkeypatch):
    values = np.arange(50.0)
    whole = bootstrap.interval(values, 3)
    monkeypatch.setattr(bootstrap, "_BLOCK", 120)
    assert bootstrap.interval(values, 3) == whole


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf], [[1.0]]])
def test_what_was_not_measured_has_no_mean(values):
    with pytest.raises(ValueError, match="finite numbers"):
        bootstrap.interval(values)


def test_a_summary_leaves_out_what_no_record_has_and_what_is_no_number():
    records = [{"a": 1.0, "b": None}, {"a": 3.0, "c": True, "b": math.nan}]
    found = bootstrap.summarize(records, ["a", "b", "c", "d"])
    assert list(found) == ["a"]
    assert found["a"]["mean"] == 2.0


def test_a_pooled_figure_lies_in_its_interval_though_draws_that_repeat_records_are_biased():
    generator = np.random.default_rng(0)
    counts = [np.bincount(generator.integers(0, 200, 50), minlength=200) for _ in range(20)]

    def figures(weights):
        return {"entropy": purity.entropy(weights @ np.array(counts))}

    found = bootstrap.pooled(figures, 20)["entropy"]
    assert found["low"] < found["mean"] < found["high"]


def test_a_pooled_mean_has_the_interval_of_a_mean():
    values = np.random.default_rng(5).random(40)
    pooled = bootstrap.pooled(lambda weights: {"m": weights @ values / weights.sum()}, 40, resamples=4000)[
        "m"
    ]
    plain = bootstrap.interval(values, resamples=4000)
    assert pooled["mean"] == pytest.approx(plain["mean"])
    assert [pooled["low"], pooled["high"]] == pytest.approx([plain["low"], plain["high"]], abs=0.01)


def test_an_interval_of_no_records_is_refused():
    with pytest.raises(ValueError, match="one or more records"):
        bootstrap.pooled(lambda weights: {}, 0)
