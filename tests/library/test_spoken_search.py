"""Spoken queries: the frames of an index, and where a query is in them."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from units.metrics.dtw import unit_length
from units.patterns.corpus import of_runs
from units.patterns.search import listen as listening
from units.patterns.search import sounds as sounding
from units.patterns.search import spoken
from units.patterns.search.find import Finder
from units.patterns.search.index import load_index, make_index, save_index
from units.records import InputError

RNG = np.random.default_rng(0)


def speech(number=12, length=150, seed=0, size=10):
    """Return frames of recordings that wander between 20 random sounds, (length, size) each."""
    random = np.random.default_rng(seed)
    kinds = np.random.default_rng(99).standard_normal((20, size))
    rows = [
        np.repeat(random.integers(0, 20, length), random.integers(2, 7, length))[:length]
        for _ in range(number)
    ]
    return [(kinds[row] + 0.3 * random.standard_normal((length, size))).astype(np.float32) for row in rows]


def sounds_of(recordings):
    builder = sounding.SoundsBuilder(encoder="test")
    for frames in recordings:
        builder.add(frames)
    return builder.finish()


def finder_of(recordings):
    rows = [of_runs({"id": f"r{i}"}, [], []) for i in range(len(recordings))]
    return Finder(make_index(rows, sounds=sounds_of(recordings)))


def _slow_best(rows, breaks, end):
    """Return the lowest cost of all paths that end with the last row at a place."""
    last = len(rows) - 1

    def ways(row, place):
        if place < 0:
            return np.inf
        if row == 0:
            return rows[0, place]
        before = [np.inf]
        if place >= 1 and not breaks[place]:
            before.append(ways(row - 1, place - 1) + rows[row, place])
            if row >= 2:
                before.append(ways(row - 2, place - 1) + rows[row - 1, place] + rows[row, place])
        if place >= 2 and not breaks[place] and not breaks[place - 1]:
            before.append(ways(row - 1, place - 2) + rows[row, place])
        return min(before)

    return ways(last, end) / len(rows)


@given(st.integers(1, 5), st.integers(1, 8), st.integers(0, 500))
def test_paths_are_the_cheapest_of_all_ways_and_cross_no_break(length, size, seed):
    random = np.random.default_rng(seed)
    query, vectors = (unit_length(random.standard_normal((n, 3))) for n in (length, size))
    breaks = random.random(size) < 0.2
    breaks[0] = True
    common = random.random(size).astype(np.float32)
    rows = spoken.price(query, vectors, common)
    found = spoken.warp(query, vectors, common, breaks)
    for end in range(size):
        expected = _slow_best(rows, breaks, end)
        if np.isinf(expected):
            assert found.costs[end] > 1000
        else:
            assert found.costs[end] == pytest.approx(expected, rel=1e-4, abs=1e-5)
            assert not breaks[found.begins[end] + 1 : end + 1].any()


def test_vectors_have_length_one_and_the_common_ones_are_near_many():
    made = sounds_of([*speech(), np.repeat(speech(1, 1, seed=5)[0], 400, axis=0)])
    vectors, common = made.vectors(np.arange(len(made.common)))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.05)
    assert common[-1] > np.median(common[:-400])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=6))
def test_stretches_are_merged_as_sets_are(stretches):
    firsts, lasts = (
        np.array([f(a, b) for a, b in stretches], np.int64) for f in (lambda a, _: a, lambda a, b: a + b)
    )
    wanted = sorted({place for a, b in zip(firsts, lasts, strict=True) for place in range(a, b)})
    assert listening._merged(firsts, lasts).tolist() == wanted


def test_a_query_is_found_first_at_its_place_with_few_false_alarms():
    recordings = speech(60)
    finder = finder_of(recordings)
    for number, first in ((0, 0), (5, 60), (11, 120)):
        query = finder.index.sounds.space.project(recordings[number][first : first + 30])
        hit = next(finder.find(query))
        assert (hit.recording, hit.start, hit.end) == (number, first * 0.02, (first + 30) * 0.02)
        assert hit.false_alarms < 0.1 and hit.score > 0.9


def test_what_is_not_there_gives_no_hit_above_a_score_of_one_half():
    finder, found = finder_of(speech(40)), 0
    for seed in range(20):
        absent = np.random.default_rng(seed).standard_normal((30, 10)).astype(np.float32)
        hits = finder.find(finder.index.sounds.space.project(absent))
        found += sum(hit.score >= 0.5 for hit in itertools.islice(hits, 50))
    assert found <= 40  # at most one per query is what a score of one half promises; chance varies


def test_candidates_of_a_large_corpus_have_what_comparing_every_place_finds_first(monkeypatch):
    recordings = speech(60, 200)
    finder = finder_of(recordings)
    monkeypatch.setattr(listening, "_ALL_FRAMES", 0)
    monkeypatch.setattr(listening, "_CANDIDATES", 60)
    for number in range(0, 60, 7):
        changed = recordings[number][40:70] + 0.2 * RNG.standard_normal((30, 10)).astype(np.float32)
        query = finder.index.sounds.space.project(changed)
        quick, whole = next(finder.find(query)), next(finder.find(query, exhaustive=True))
        assert (quick.recording, quick.start, quick.end) == (whole.recording, whole.start, whole.end)


def test_an_index_of_frames_read_back_finds_the_same(tmp_path):
    recordings = speech()
    finder = finder_of(recordings)
    with open(tmp_path / "i", "wb") as file:
        save_index(finder.index, file)
    again = Finder(load_index(str(tmp_path / "i")))
    query = finder.index.sounds.space.project(recordings[3][10:40])
    assert list(itertools.islice(finder.find(query), 9)) == list(itertools.islice(again.find(query), 9))


def test_an_index_grows_by_frames_and_a_record_that_comes_again_is_replaced(run, corpus, tmp_path):
    records = corpus.records("framed-units.jsonl")
    for part in (records[:1], records[1:], records[:1]):
        stdin = "".join(json.dumps(record) + "\n" for record in part).encode()
        assert run("su-search", "build", "-o", tmp_path / "i", stdin=stdin).status == 0
    made = load_index(str(tmp_path / "i"))
    assert sorted(record["id"] for record in made.records) == sorted(record["id"] for record in records)
    for number, record in enumerate(made.records):
        frames = np.load(next(r["features"] for r in records if r["id"] == record["id"]))
        held = made.sounds.recording(number)[0].astype(np.float32) / 127
        np.testing.assert_allclose(held, made.sounds.space.project(frames), atol=0.005)


def test_frames_in_the_pipe_are_indexed_without_units(run, corpus, tmp_path):
    with open(corpus["features.jsonl"], "rb") as file:
        assert run("su-search", "build", "-o", tmp_path / "i", stdin=file.read()).status == 0
    with open(corpus["segments.jsonl"], "rb") as file:
        hits = run("su-search", "find", "-i", tmp_path / "i", "--top", "1", stdin=file.read()).records
    assert [hit["query"] for hit in hits] == [hit["id"] for hit in hits]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": None}, '-:2: no "features", but the other records of the index have them'),
        ({"encoder": "other"}, "-:2: these frames come from other, but those of the index from mfcc39"),
        ({"units": [1, 2]}, "frames do not fit 2 units"),
    ],
)
def test_records_that_do_not_fit_the_index_are_one_line(run, corpus, tmp_path, change, message):
    first, second = corpus.records("framed-units.jsonl")[:2]
    second = {name: value for name, value in {**second, **change}.items() if value is not None}
    stdin = "".join(json.dumps(record) + "\n" for record in (first, second)).encode()
    result = run("su-search", "build", "-o", tmp_path / "i", stdin=stdin)
    assert result.status == 1 and message in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "i").exists()


def test_frames_of_other_dimensions_are_refused():
    space = sounds_of(speech()).space
    with pytest.raises(InputError, match="the frames have 7 dimensions, but those of the index have 10"):
        space.project(np.zeros((3, 7), np.float32))
