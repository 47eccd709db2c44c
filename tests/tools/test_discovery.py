"""su-discover: what was said twice is found where it was, and in noise nothing is."""

import json

import numpy as np
import pytest
import reference_discovery as reference
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from units.codebook.codebook import load_codebook
from units.config import DiscoverConfig
from units.patterns.corpus import Recording
from units.patterns.discovery import chance
from units.patterns.discovery.clusters import stars
from units.patterns.discovery.find import describe_term, discover, prepare, self_alignments
from units.patterns.discovery.pauses import find_pauses
from units.patterns.discovery.scan import TILE, column_blocks, scan
from units.patterns.discovery.scores import SAME, substitution
from units.patterns.discovery.text import join_recordings
from units.patterns.discovery.trace import trace

K = 30
CONFIG = DiscoverConfig(keep_pauses=True)


def noise(rng, number):
    """Return units no two neighbours of which are equal."""
    return np.cumsum(rng.integers(1, K, number)) % K


def recording(units, name="a", shift=0.08, offset=0.0, **names):
    edges = offset + shift * np.arange(len(units) + 1)
    return Recording(np.asarray(units), edges, name, f"{name}.wav", end=float(edges[-1]), **names)


def corpus_with(word, places, seed=0, number=8, length=150):
    """Return recordings of noise in which the word stands at [(recording, run)]."""
    rng = np.random.default_rng(seed)
    rows = [noise(rng, length) for _ in range(number)]
    for where, run in places:
        rows[where][run : run + len(word)] = word
    return [recording(row, f"r{i}") for i, row in enumerate(rows)]


WORD = noise(np.random.default_rng(99), 14)
PLACES = [(0, 20), (3, 77), (6, 5)]


def places_of(term):
    return list(zip(term.where.tolist(), term.starts.tolist(), term.ends.tolist(), strict=True))


def test_a_word_said_three_times_is_found_at_its_times():
    (term,) = discover(corpus_with(WORD, PLACES), K, None, CONFIG)
    found = sorted(places_of(term))
    assert [where for where, _, _ in found] == [0, 3, 6]
    for (_, start, end), (_, run) in zip(found, PLACES, strict=True):
        assert abs(start - 0.08 * run) < 0.17 and abs(end - 0.08 * (run + len(WORD))) < 0.17
    assert set(WORD.tolist()) <= set(term.units)


def test_a_word_is_found_again_with_a_run_left_out_and_with_near_units_for_others():
    centroids = np.random.default_rng(1).normal(size=(K, 16))
    centroids[15:] = centroids[:15] + 0.02  # each has a near one
    other = np.delete((WORD + 15) % K, 6)
    recordings = corpus_with(WORD, [(0, 20)])
    recordings[5].units[40 : 40 + len(other)] = other
    assert [
        sorted(t.where.tolist()) for t in discover(recordings, K, centroids, CONFIG) if len(t.units) > 9
    ] == [[0, 5]]
    assert not [t for t in discover(recordings, K, None, CONFIG) if len(t.units) > 9]


def test_nothing_is_found_in_noise_beyond_the_rate_that_was_asked_for():
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        corpus = prepare([recording(noise(rng, 300), f"{i}") for i in range(8)], K, CONFIG)
        found.append(
            len(self_alignments(corpus, substitution(K), DiscoverConfig(keep_pauses=True, false_alarms=3))[0])
        )
        assert not discover([recording(noise(rng, 300), f"{i}") for i in range(5)], K, None, CONFIG)
    assert sum(found) < 3 * 3 * 2


def test_what_is_said_twice_is_found_where_the_corpus_is_too_short_for_chance_to_show():
    said, other = (np.random.default_rng(seed).permutation(K) for seed in (1, 2))
    (term,) = discover([recording(said, "a"), recording(said, "b")], K, None, CONFIG)
    assert sorted(term.where.tolist()) == [0, 1] and len(term.units) == K
    assert not discover([recording(said, "a"), recording(other, "b")], K, None, CONFIG)
    assert not discover([], K, None, CONFIG)


def test_a_term_is_as_long_as_was_asked_for():
    recordings = corpus_with(WORD, PLACES)
    assert discover(recordings, K, None, DiscoverConfig(keep_pauses=True, min_duration=1.0))
    assert not discover(recordings, K, None, DiscoverConfig(keep_pauses=True, min_duration=1.5))


def test_no_term_goes_across_the_end_of_a_recording_or_over_a_pause():
    rng = np.random.default_rng(3)
    rows = [noise(rng, 60) for _ in range(6)]
    for here, there in ((0, 1), (3, 4)):  # its first half ends a recording, its second begins the next
        rows[here][-7:], rows[there][:7] = WORD[:7], WORD[7:]
    recordings = [recording(row, f"r{i}") for i, row in enumerate(rows)]
    for term in discover(recordings, K, None, DiscoverConfig(keep_pauses=True, false_alarms=5.0)):
        for where, start, end in places_of(term):
            assert 0 <= start < end <= recordings[where].end
    pauses = [np.zeros(60, bool) for _ in rows]
    pauses[0][30] = True
    text = join_recordings(recordings, pauses, K)
    cells = scan((0, len(text.units)), text.units, text.units, substitution(K), 3 * SAME, 10**6)
    found = trace(cells, text.units, text.units, substitution(K))
    for first, last in np.concatenate([found[:, :2], found[:, 2:4]]):
        assert (text.units[first:last] < K).all()


@given(st.integers(0, 2**32), st.integers(6, 12))
@settings(max_examples=10)
def test_alignments_are_those_of_a_plain_search(seed, size):
    rng = np.random.default_rng(seed)
    scores = substitution(size, rng.normal(size=(size, 3)), 0.5)
    rows, columns = (
        np.where(rng.random(n) < 0.1, size, rng.integers(0, size, n)).astype(np.uint16) for n in (40, 60)
    )
    least = 2 * SAME
    expected = reference.cells(rows, columns, scores, mirrored=False)
    found = scan((0, 60), rows, columns, scores, least, 10**6, mirrored=False)
    assert {(i, j): score for i, j, score in found.tolist()}.items() <= {
        place: score for place, (score, _) in expected.items()
    }.items()
    tiles = {(i // TILE, j // TILE) for (i, j), (score, _) in expected.items() if score >= least}
    assert sorted(tiles) == sorted((i // TILE, j // TILE) for i, j, _ in found.tolist())
    for _, i, _, j, score in trace(found, rows, columns, scores).tolist():
        assert expected[i - 1, j - 1][0] == score


def test_blocks_of_columns_are_scanned_as_one_is(monkeypatch):
    corpus = prepare(corpus_with(WORD, PLACES), K, CONFIG)
    scores, units = substitution(K), corpus.units
    whole = scan((0, len(units)), units, units, scores, 6 * SAME, 10**6)
    monkeypatch.setattr("units.patterns.discovery.scan.COLUMNS", 1024)
    parts = column_blocks(len(units), K)
    assert len(parts) > 1
    cells = np.concatenate([scan(part, units, units, scores, 6 * SAME, 10**6) for part in parts])
    one, other = trace(whole, units, units, scores), trace(cells, units, units, scores)
    assert sorted(one.tolist()) == sorted(other.tolist())


def test_where_alignments_are_too_many_the_best_are_kept():
    corpus = prepare(corpus_with(WORD, PLACES), K, CONFIG)
    every = scan((0, len(corpus.units)), corpus.units, corpus.units, substitution(K), 2 * SAME, 10**6)
    few = scan((0, len(corpus.units)), corpus.units, corpus.units, substitution(K), 2 * SAME, 50)
    assert 0 < len(few) <= 50 < len(every)
    kept = set(map(tuple, few.tolist()))
    assert {tuple(cell) for cell in every.tolist() if cell[2] >= few[:, 2].min()} == kept


def test_the_tail_of_chance_tells_how_many_alignments_of_noise_are_as_good():
    rng = np.random.default_rng(5)
    units, scores = noise(rng, 4000).astype(np.uint16), substitution(K)
    tail = chance.measure(units, scores)
    other = noise(rng, 4000).astype(np.uint16)
    found = trace(chance.scan_all(units, other, scores, 4 * SAME), units, other, scores)
    expected = float(np.exp(tail.expected(4 * SAME, 4000**2)))
    assert expected / 2 < (found[:, 4] >= 4 * SAME).sum() < expected * 2


def test_a_chain_of_fragments_that_share_parts_is_no_one_term():
    alignments = np.array([[0, 10, 100, 110], [108, 118, 200, 210], [208, 218, 300, 310], [0, 10, 400, 410]])
    clusters = stars(alignments, np.array([5.0, 4.0, 3.0, 2.0]), 500)
    assert [sorted(cluster.starts.tolist()) for cluster in clusters] == [
        [0, 100, 400],
        [108, 200],
        [208, 300],
    ]


def test_pauses_are_what_recordings_begin_and_end_with():
    rng = np.random.default_rng(2)
    rows, expected = [], []
    for _ in range(60):
        parts = [rng.integers(25, 30, 4), noise(rng, 40) % 25, rng.integers(25, 30, 4), noise(rng, 40) % 25]
        rows.append(np.concatenate([*parts, rng.integers(25, 30, 4)]))
        expected.append(rows[-1] >= 25)
    found = find_pauses(rows, K)
    assert np.mean(np.concatenate(found) == np.concatenate(expected)) > 0.99
    assert not np.concatenate(find_pauses([noise(rng, 80) for _ in range(60)], K)).any()
    assert [len(row) for row in find_pauses([np.empty(0, int), np.array([3])], K)] == [0, 1]


def test_a_term_says_who_said_it_where():
    recordings = corpus_with(WORD, PLACES)
    recordings[0] = recording(recordings[0].units, "r0", offset=100.0, speaker="Ana")
    recordings[3] = recording(recordings[3].units, "r3", speaker="Rui")
    (term,) = discover(recordings, K, None, CONFIG)
    record = describe_term(term, recordings)
    assert (record["count"], record["recordings"], record["speakers"]) == (3, 3, 2)
    assert record["mean_duration"] == pytest.approx(14 * 0.08, abs=0.3)
    (there,) = [place for place in record["occurrences"] if place["id"] == "r0"]
    assert there["audio_filepath"] == "r0.wav" and 101 < there["start"] < 102 < there["end"] < 103


def lines(records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Records with audio in which a word is said three times."""
    folder, records = tmp_path_factory.mktemp("spoken"), []
    for made in corpus_with(WORD, PLACES):
        path = folder / f"{made.id}.wav"
        soundfile.write(path, 0.1 * np.sin(np.arange(int(8000 * made.end)) / 9), 8000)
        counts = [4] * len(made.units)
        records.append(
            {"id": made.id, "audio_filepath": str(path), "units": made.units.tolist(), "counts": counts}
        )
    return lines(records)


def test_same_input_same_bytes_whatever_the_number_of_processes(run, spoken):
    one = run("su-discover", "--keep-pauses", "-j", "1", stdin=spoken)
    assert (one.status, one.stderr) == (0, "")
    assert [record["count"] for record in one.records] == [3]
    assert run("su-discover", "--keep-pauses", "-j", "2", stdin=spoken).stdout == one.stdout


def test_clips_are_cut_of_each_term(run, spoken, tmp_path):
    options = ["--keep-pauses", "--top", "1", "--clips", tmp_path / "clips", "--examples", "2", "-j", "1"]
    (best,) = run("su-discover", *options, stdin=spoken).records
    assert [name.split("/")[-1] for name in best["clips"]] == ["0001-1.wav", "0001-2.wav"]
    assert all(1.0 < soundfile.info(name).duration < 1.6 for name in best["clips"])


def test_nothing_said_is_nothing_found(run):
    for records in ([], [{"id": "a", "units": []}], [{"id": "a", "units": [3]}]):
        found = run("su-discover", "-j", "1", stdin=lines(records))
        assert (found.status, found.stdout, found.stderr) == (0, b"", "")


def test_units_that_the_codebook_lacks_are_refused_in_one_line(run, corpus):
    options = ["-j", "1", "-c", corpus["codebook.npz"]]
    high = run("su-discover", *options, stdin=lines([{"id": "a", "units": [1, 8]}]))
    assert (high.status, high.stderr) == (
        1,
        "su-discover: -:1: unit 8 is too large: the codebook has units 0 to 7\n",
    )
    foreign = run("su-discover", *options, stdin=lines([{"id": "a", "units": [1], "codebook": "0"}]))
    known = load_codebook(corpus["codebook.npz"]).hash
    assert foreign.status == 1 and foreign.stderr.startswith(
        f"su-discover: -:1: these units have codebook 0, but -c has codebook {known}"
    )


def test_units_of_two_codebooks_are_not_compared(run):
    records = [{"id": name, "units": [1, 2], "codebook": name * 4} for name in "ab"]
    result = run("su-discover", "-j", "1", stdin=lines(records))
    assert (result.status, result.stderr) == (
        1,
        "su-discover: -:2: these units have codebook bbbb, but an earlier record has codebook aaaa\n",
    )
    del records[1]["codebook"]
    result = run("su-discover", "-j", "1", stdin=lines(records))
    told = "su-discover: 1 of 2 records name no codebook; their units are assumed to have codebook aaaa\n"
    assert (result.status, result.stderr) == (0, told)
