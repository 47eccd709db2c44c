"""Units are the nearest centroids, smoothing is exact, and runs say the same as frames."""

import io
import itertools
import json

import numpy as np
import pytest
import reference_cluster as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from units.codebook.codebook import Codebook, save_codebook
from units.codebook.quantize import assign, penalty_for_rate, quantize
from units.codebook.runs import expand, run_lengths, runs_of
from units.files.streams import write_record
from units.records import InputError, Record, frame_units

SEEDS = st.integers(0, 2**32 - 1)


def corpus(seed, frames, size, dimensions=3):
    """Frames and centroids on a grid, so that ties are common."""
    random = np.random.default_rng(seed)
    draw = lambda rows: random.integers(-3, 4, (rows, dimensions)).astype(np.float32)  # noqa: E731
    return draw(frames), draw(size)


def book(centroids, encoder="test", **fields):
    ones = np.ones(centroids.shape[1], np.float32)
    return Codebook(centroids, 0 * ones, ones, encoder, **fields)


def runs(units):
    return len(run_lengths(units)[0])


@given(SEEDS, st.integers(0, 40), st.integers(1, 12))
def test_a_unit_is_the_nearest_centroid(seed, frames, size):
    points, centroids = corpus(seed, frames, size)
    assert assign(points, centroids).tolist() == reference.nearest(points, centroids)


def test_units_do_not_depend_on_where_blocks_end():
    random = np.random.default_rng(0)
    frames = random.standard_normal((9001, 4), np.float32)
    centroids = random.standard_normal((30, 4), np.float32)
    one_by_one = [int(np.square(frame - centroids).sum(axis=1).argmin()) for frame in frames]
    assert assign(frames, centroids).tolist() == one_by_one
    assert quantize(frames, book(centroids)).tolist() == one_by_one
    assert runs(quantize(frames, book(centroids), 1.5)) < runs(one_by_one)


@given(SEEDS, st.integers(1, 6), st.integers(1, 4), st.integers(0, 40))
def test_smoothing_finds_the_least_cost_of_all_sequences(seed, frames, size, half_penalty):
    points, centroids = corpus(seed, frames, size)
    units = quantize(points, book(centroids), half_penalty / 2)
    cost = reference.path_cost(units, points, centroids, half_penalty / 2)
    assert cost == pytest.approx(reference.least_cost(points, centroids, half_penalty / 2), abs=1e-4)


@given(SEEDS, st.integers(0, 60), st.integers(1, 8))
def test_smoothing_at_no_cost_costs_nothing(seed, frames, size):
    points, centroids = corpus(seed, frames, size)
    cost = reference.path_cost(quantize(points, book(centroids), 0.0), points, centroids, 0.0)
    assert cost == pytest.approx(reference.path_cost(assign(points, centroids), points, centroids, 0.0))


@given(SEEDS, st.integers(1, 60), st.integers(1, 9), st.lists(st.floats(0, 50), min_size=2, max_size=4))
def test_the_dearer_a_change_the_fewer_changes(seed, frames, size, penalties):
    points, centroids = corpus(seed, frames, size)
    found = [runs(quantize(points, book(centroids), penalty)) for penalty in sorted(penalties)]
    assert found == sorted(found, reverse=True)
    assert runs(quantize(points, book(centroids), 1e6)) == 1


@given(st.lists(st.integers(0, 3), max_size=40))
def test_runs_expand_to_what_they_were_made_of(units):
    found, counts = run_lengths(units)
    assert expand(found, counts).tolist() == units
    assert all(a != b for a, b in itertools.pairwise(found)) and all(count > 0 for count in counts)


@settings(max_examples=25)
@given(SEEDS, st.floats(3, 49))
def test_a_wanted_rate_is_met_and_not_by_more_than_needed(seed, rate_hz):
    random = np.random.default_rng(seed)
    centroids = random.standard_normal((8, 3), np.float32)
    samples = [(random.standard_normal((frames, 3), np.float32), 0.02) for frames in (150, 50, 100)]
    penalty = penalty_for_rate(samples, book(centroids), rate_hz)

    def rate(penalty):
        return sum(runs(quantize(frames, book(centroids), penalty)) for frames, _ in samples) / 6.0

    assert rate(penalty * 1.001) <= rate_hz
    assert penalty == 0 or rate(penalty * 0.998) > rate_hz


def test_a_rate_that_no_smoothing_reaches_is_refused():
    samples = [(np.zeros((5, 2), np.float32), 0.02)] * 3
    with pytest.raises(InputError, match="more than 5 runs per second"):
        penalty_for_rate(samples, book(np.eye(2, dtype=np.float32)), 5.0)


@pytest.fixture(scope="module")
def codebook(tmp_path_factory):
    path = tmp_path_factory.mktemp("codebook") / "book.npz"
    with open(path, "wb") as file:
        save_codebook(book(np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)), file)
    return str(path)


def stream(lengths, encoder="test", **fields):
    """Records of random frames, as su-encode writes them."""
    random, out = np.random.default_rng(1), io.BytesIO()
    for i, length in enumerate(lengths):
        frames = random.standard_normal((length, 3)).astype(np.float32)
        record = {"id": str(i), "features": "-", "encoder": encoder, **fields}
        write_record(Record(record, array=frames), out)
    return out.getvalue()


def test_runs_and_frames_say_the_same(run, codebook):
    given_ = stream([40, 1, 300])
    for smoothing in ([], ["--smooth", "1.5"]):
        frames = run("su-quantize", "-c", codebook, *smoothing, stdin=given_).records
        collapsed = run("su-quantize", "-c", codebook, "--collapse", *smoothing, stdin=given_).records
        assert [frame_units(record) for record in collapsed] == [record["units"] for record in frames]
        assert all(record["encoder"] == "test" and len(record["codebook"]) == 12 for record in frames)
        assert all("features" not in record for record in frames)


def test_a_rate_is_met_in_a_pipe_and_told(run, codebook):
    given_ = stream([400, 200, 400])
    result = run("su-quantize", "-v", "-c", codebook, "--smooth-rate", "10", stdin=given_)
    assert result.status == 0
    assert sum(runs(record["units"]) for record in result.records) <= 200
    told = next(line for line in result.stderr.splitlines() if "--smooth" in line)
    penalty = told.split("--smooth ")[1].split()[0]
    again = run("su-quantize", "-c", codebook, "--smooth", penalty, stdin=given_)
    assert again.stdout == result.stdout and again.stderr == ""


def test_only_the_first_ten_minutes_decide_the_rate(run, codebook):
    head, rest = stream([1200], frame_shift=0.5), stream([500, 500], frame_shift=0.5)
    one = run("su-quantize", "-c", codebook, "--smooth-rate", "0.4", stdin=head)
    more = run("su-quantize", "-c", codebook, "--smooth-rate", "0.4", stdin=head + rest)
    assert more.stdout.startswith(one.stdout) and len(more.records) == 3


def test_frames_of_another_encoder_are_refused_in_one_line(run, codebook):
    given_ = stream([5], encoder="other:7")
    result = run("su-quantize", "-c", codebook, stdin=given_)
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr == (
        "su-quantize: -:1: these frames come from other:7, but the codebook was made for test "
        "(--force accepts them)\n"
    )
    forced = run("su-quantize", "-c", codebook, "--force", stdin=given_)
    assert (forced.status, forced.stderr) == (0, "") and len(forced.records[0]["units"]) == 5


def test_frames_of_another_dimension_are_refused_even_by_force(run, codebook):
    out = io.BytesIO()
    write_record(Record({"id": "a", "features": "-"}, array=np.zeros((2, 5), np.float32)), out)
    result = run("su-quantize", "--force", "-c", codebook, stdin=out.getvalue())
    assert result.stderr == "su-quantize: -:1: the frames have 5 dimensions, but the codebook has 3\n"


def test_smoothing_by_cost_and_by_rate_exclude_each_other(run, codebook):
    result = run("su-quantize", "-c", codebook, "--smooth", "1", "--smooth-rate", "10")
    assert result.status == 2 and result.stderr.count("\n") == 1


def test_parts_quantized_apart_are_the_whole(run, codebook):
    parts = [stream([30, 70], part=n) for n in range(4)]
    whole = run("su-quantize", "-c", codebook, "--smooth", "1", stdin=b"".join(parts)).stdout
    apart = [run("su-quantize", "-c", codebook, "--smooth", "1", stdin=part).stdout for part in parts]
    assert b"".join(apart) == whole and json.loads(whole.splitlines()[-1])["part"] == 3


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=40))
def test_runs_are_the_same_of_a_record_of_frames_and_of_one_of_runs_that_touch(pairs):
    record = {"units": [unit for unit, _ in pairs], "counts": [count for _, count in pairs]}
    frames = frame_units(record)
    for each in (record, {"units": frames}):
        found, counts = runs_of(each)
        assert [found.tolist(), counts.tolist()] == [column.tolist() for column in run_lengths(frames)]
