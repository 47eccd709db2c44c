"""su-search: what a query finds, in what words it fails, and that an index is never half of one."""

import io
import itertools
import json
import os
import pickle
import shutil
import signal
import zipfile

import numpy as np
import pytest
import reference_search as reference
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from processes import wait_for
from speechlike import RATE, recording

from units.audio.reading import load_audio
from units.audio.timing import HOP
from units.codebook.codebook import Codebook, load_codebook
from units.codebook.runs import run_lengths
from units.patterns.corpus import of_runs
from units.patterns.distances import CentroidDistances
from units.patterns.search import costs, find, index, query, scan
from units.patterns.search.matching import FAR, SCALE, STEP, cheapest_alignments
from units.records import InputError

K = 12


def book(seed=0, size=K):
    centroids = np.random.default_rng(seed).standard_normal((size, 4)).astype(np.float32)
    return Codebook(centroids, np.zeros(4, np.float32), np.ones(4, np.float32), "mfcc39")


def sequences(number=40, length=120, seed=0):
    """Return units of records at random, each run once."""
    random = np.random.default_rng(seed)
    return [(np.cumsum(random.integers(1, K, length)) % K).tolist() for _ in range(number)]


def index_of(rows, codebook=None):
    return index.make_index(
        [of_runs({"id": f"r{i}"}, row, [1] * len(row)) for i, row in enumerate(rows)], codebook
    )


def best(finder, wanted, number=20, **options):
    return list(itertools.islice(finder.find(wanted, **options), number))


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.mark.parametrize("stay", [0, STEP])
@given(st.data())
def test_the_alignment_is_the_cheapest_of_all_ways_there_are(stay, data):
    text = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=9))
    rows = data.draw(
        st.lists(st.lists(st.integers(0, SCALE), min_size=3, max_size=3), min_size=1, max_size=4)
    )
    rows = np.array([[*row, FAR] for row in rows])
    found, starts = cheapest_alignments(rows, np.array([text, text]), 3, stay)
    assert (found[0] == found[1]).all()
    for cost, start, expected in zip(
        found[0], starts[0], reference.best_alignments(rows, text, 3, stay, STEP), strict=True
    ):
        assert (cost, start) == expected if expected else cost >= FAR


@given(st.integers(0, 1000), st.integers(1, 9))
def test_distances_are_those_of_a_plain_loop(seed, size):
    random = np.random.default_rng(seed)
    centroids, points = random.standard_normal((size, 3)), random.standard_normal((4, 3))
    expected = reference.distances(points, centroids)
    assert np.allclose(CentroidDistances(centroids).between(points), expected, atol=1e-9)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=60), st.data())
def test_the_best_bins_are_those_of_a_sort(values, data):
    values = np.array(values, np.uint8)
    most = data.draw(st.integers(1, len(values)))
    chosen = scan._best(values, most)
    assert (np.diff(chosen) > 0).all()
    assert sorted(values[chosen]) == sorted(values)[len(values) - most :]
    bins = np.pad(values, (0, -len(values) % scan.BIN)).reshape(-1, scan.BIN).max(axis=1)
    assert scan._largest(values).tolist() == bins.tolist()


@pytest.mark.parametrize("codebook", [None, book()])
def test_a_query_that_is_in_the_corpus_is_found_first_at_its_place(codebook):
    rows = sequences()
    finder = find.Finder(index_of(rows, codebook))
    for recording_ in (0, 17, 39):
        hit = best(finder, rows[recording_][50:62])[0]
        assert (hit.recording, hit.start, hit.end, hit.score) == (recording_, 1.0, 1.24, 1.0)


@pytest.mark.parametrize("largest", [K, 300])
def test_the_quick_search_finds_what_the_exhaustive_one_does_first(largest, monkeypatch):
    monkeypatch.setattr(find, "_ALL_CELLS", 0)
    monkeypatch.setattr(find, "_CELLS", 0)  # so that few bins are aligned
    codebook, rows = book(size=largest), sequences(number=100)
    finder = find.Finder(index_of(rows, codebook))
    for i in range(0, 100, 9):
        part = rows[i][20:32]
        changed = [*part[:5], (part[5] + 1) % K, *part[7:]]
        wanted = run_lengths(changed)[0]
        quick, whole = best(finder, wanted), best(finder, wanted, exhaustive=True)
        assert quick[0] == whole[0]
        assert {hit.score for hit in quick[:3]} & {hit.score for hit in whole[:3]}


def test_no_hit_goes_from_one_record_into_the_next():
    rows = [[1, 2, 3], [4, 5, 6], [], [7]]
    finder = find.Finder(index_of(rows))
    for hit in best(finder, [2, 3, 4, 5, 7]):
        assert 0 <= hit.start < hit.end <= 0.02 * len(rows[hit.recording]) + 1e-9


def test_a_star_is_any_run_and_hits_do_not_share_most_of_their_runs():
    rows = [[1, 2, 9, 4, 5, 0, 1, 2, 8, 4, 5]]
    hits = best(find.Finder(index_of(rows)), query.parse_pattern("1 2 * 4 5"), 2)
    assert [(hit.start, hit.end, hit.score) for hit in hits] == [(0, 0.1, 1.0), (0.12, 0.22, 1.0)]


@pytest.mark.parametrize(
    ("text", "runs"),
    [("31", [31]), (" 5 5\t* * 5 ", [5, -1, -1, 5]), ("007 7", [7])],
)
def test_a_pattern_is_units_and_stars(text, runs):
    assert query.is_pattern(text) and query.parse_pattern(text) == runs


@pytest.mark.parametrize("text", ["", "1.wav", "-1", "1 x", "1,2", "９", "1234567890"])
def test_anything_else_is_a_file_name(text):
    assert not query.is_pattern(text)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([], "the query has 0 runs; it must have 1 to 500"),
        ([1] * 501, "the query has 501 runs; it must have 1 to 500"),
        ([costs.ANY, costs.ANY], "the query has only wildcards"),
        ([K], f"the query has unit {K}; the units of the index are 0 to {K - 1}"),
        (np.zeros((501, 4)), "the query has 501 frames; it must have 1 to 500"),
        (np.zeros((5, 4)), find.NO_FRAMES),
    ],
)
def test_what_cannot_be_searched_for_is_one_line(wanted, message):
    with pytest.raises(InputError) as error:
        find.Finder(index_of(sequences(3), book())).find(wanted)
    assert str(error.value) == message


@given(st.lists(st.lists(st.integers(0, 400), max_size=8), max_size=5))
def test_an_index_read_back_is_the_one_that_was_written(rows):
    runs = [run_lengths(row) for row in rows]
    written = index.make_index(of_runs({"id": f"🔴 {i}", "offset": 0.5}, *run) for i, run in enumerate(runs))
    file = io.BytesIO()
    index.save_index(written, file)
    again = index._parse(file.getvalue())
    index._check(again)
    assert [(r.fields, r.units.tolist(), r.counts.tolist()) for r in again.recordings()] == [
        ({"id": f"🔴 {i}", "offset": 0.5}, *(column.tolist() for column in run)) for i, run in enumerate(runs)
    ]


def test_times_are_those_of_the_runs_in_the_file():
    units, counts = run_lengths([3, 3, 3, 5, 5, 8, 1, 1])
    made = index.make_index(
        [of_runs({"id": "a"}, [1], [4]), of_runs({"id": "b", "offset": 2.0}, units, counts)]
    )
    start = int(made.starts[1])
    assert [float(time[0]) for time in made.times([1], np.array([start + 1]), np.array([start + 3]))] == [
        2.06,
        2.12,
    ]


def build(run, path, records, *options):
    return run("su-search", "build", "-o", path, *options, stdin=lines(records))


def test_an_index_grows_and_is_then_that_of_all_records_at_once(run, corpus, tmp_path):
    records = corpus.records("units.jsonl")
    for part in (records[:1], records[1:]):
        assert build(run, tmp_path / "grown", part, "-c", corpus["codebook.npz"]).status == 0
    build(run, tmp_path / "whole", records, "-c", corpus["codebook.npz"])
    assert (tmp_path / "grown").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_record_that_comes_again_stands_in_place_of_the_old_and_a_rerun_changes_nothing(run, tmp_path):
    build(run, tmp_path / "i", [{"id": "a", "units": [1, 2, 3]}, {"id": "b", "units": [4, 5]}])
    build(run, tmp_path / "i", [{"id": "b", "units": [4, 5]}])
    before = (tmp_path / "i").read_bytes()
    assert build(run, tmp_path / "i", [{"id": "b", "units": [4, 5]}]).status == 0
    assert (tmp_path / "i").read_bytes() == before
    build(run, tmp_path / "i", [{"id": "a", "units": [6, 7]}])
    found = run("su-search", "find", "-i", tmp_path / "i", "6 7", "1 2 3").records
    assert [(r["query"], r["id"]) for r in found if r["score"] == 1] == [("6 7", "a")]


def test_a_build_that_is_killed_leaves_the_old_index_and_a_rerun_gives_what_one_run_gives(run, tmp_path):
    old, new = [{"id": "a", "units": [1, 2, 3]}], [{"id": "b", "units": [3, 2, 1]}]
    for name in ("killed", "whole"):
        build(run, tmp_path / name, old)
    before = (tmp_path / "killed").read_bytes()
    reading, writing = os.pipe()
    process = run.start("su-search", "build", "-o", tmp_path / "killed", stdin=reading)
    os.write(writing, lines(new))
    wait_for((tmp_path / ".killed.part").exists, process)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    os.close(reading), os.close(writing)
    assert (tmp_path / "killed").read_bytes() == before
    for name in ("killed", "whole"):
        assert build(run, tmp_path / name, new).status == 0
    assert (tmp_path / "killed").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["killed", "whole"]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([{"id": "a", "units": [1]}] * 2, "-:2: \"id\" 'a' occurs twice"),
        ([{"units": [1]}], '-:1: no "id"'),
        ([{"id": "a", "units": [70000]}], "-:1: unit 70000 is too large: units must be below 65535"),
        ([{"id": "a", "units": [1], "codebook": "x"}, {"id": "b", "units": [1], "codebook": "y"}],
         "-:2: these units have codebook y, but an earlier record has codebook x"),
    ],
)  # fmt: skip
def test_what_an_index_cannot_hold_is_one_line(run, tmp_path, records, message):
    result = build(run, tmp_path / "i", records)
    assert (result.status, result.stderr) == (1, f"su-search: {message}\n")
    assert os.listdir(tmp_path) == []


def hostile(kind, good):
    """Return bytes that look like an index, made from those of one."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        huge, {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 1 << 20)}
    )
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array([{}, 1], object), allow_pickle=True)
    changes = {
        "huge": {"text.npy": huge.getvalue()},
        "pickled array": {"text.npy": pickled.getvalue()},
        "other starts": {"starts.npy": members["starts.npy"][:-8] + b"\xff" * 8},
        "no member": {"counts.npy": None},
        "counts that do not fit": {"counts.npy": members["text.npy"][:-1]},
        "other frames": {"frames.npy": members["common.npy"]},
        "no frames": {"frames.npy": None},
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in {**members, **changes[kind]}.items():
            if data is not None:
                archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        "huge",
        "pickled array",
        "other starts",
        "no member",
        "counts that do not fit",
        "other frames",
        "no frames",
    ],
)
def test_a_hostile_index_is_one_line(run, corpus, tmp_path, kind):
    with open(corpus["index"], "rb") as file:
        (tmp_path / "i").write_bytes(hostile(kind, file.read()))
    for words in (["find", "-i", tmp_path / "i", "1 2"], ["build", "-o", tmp_path / "i"]):
        result = run("su-search", *words)
        assert (result.status, result.stdout) == (1, b"")
        assert result.stderr.startswith(f"su-search: {tmp_path}/i: not an index (")
        assert result.stderr.count("\n") == 1


def test_no_file_that_was_cut_off_or_changed_is_taken_for_an_index(corpus, tmp_path):
    with open(corpus["index"], "rb") as file:
        good = file.read()
    random, path = np.random.default_rng(0), tmp_path / "i"
    for cut in random.integers(0, len(good), 40).tolist():
        path.write_bytes(good[:cut])
        with pytest.raises(InputError, match="not an index"):
            index.load_index(path)
    for data in (b"", b"text", pickle.dumps([1]), b"PK\x01\x02" * 100):
        path.write_bytes(data)
        with pytest.raises(InputError, match="not an index"):
            index.load_index(path)


def test_a_word_cut_from_a_recording_is_found_there_first_with_its_times(run, corpus, tmp_path):
    (record, *_) = corpus.records("segments.jsonl")
    start, length = record["offset"] + 0.9, 0.6
    soundfile.write(tmp_path / "q.wav", load_audio(record["audio_filepath"], start, length), RATE)
    spoken = run("su-search", "find", "-i", corpus["index"], "--top", "1", tmp_path / "q.wav")
    span = lines([{"id": "word", "audio_filepath": record["audio_filepath"], "offset": start,
                   "duration": length}])  # fmt: skip
    piped = run("su-search", "find", "-i", corpus["index"], "--top", "1", stdin=span)
    for result, name, slack in ((spoken, str(tmp_path / "q.wav"), 0.3), (piped, "word", 0.1)):
        assert (result.status, result.stderr) == (0, "")
        (hit,) = result.records
        assert list(hit) == ["query", "id", "audio_filepath", "start", "end", "score", "false_alarms"]
        assert hit["score"] == pytest.approx(1 / (1 + hit["false_alarms"]), abs=0.01)
        assert (hit["query"], hit["audio_filepath"]) == (name, record["audio_filepath"])
        assert hit["start"] == pytest.approx(start, abs=slack)
        assert hit["end"] == pytest.approx(start + length, abs=slack)


def test_records_with_units_with_frames_and_with_audio_alone_all_find_themselves(run, corpus):
    ids = [record["id"] for record in corpus.records("units.jsonl")]
    for name in ("units.jsonl", "features.jsonl", "segments.jsonl"):
        with open(corpus[name], "rb") as file:
            result = run("su-search", "find", "-i", corpus["index"], "--top", "1", stdin=file.read())
        assert (result.status, result.stderr) == (0, "")
        assert [(r["query"], r["id"]) for r in result.records] == list(zip(ids, ids, strict=True))


def test_clips_hold_what_was_found_with_a_little_around(run, corpus, tmp_path):
    pattern = " ".join(map(str, corpus.records("runs.jsonl")[0]["units"][20:28]))
    words = [
        "find",
        "-i",
        corpus["index"],
        "--clips",
        tmp_path / "clips",
        "--examples",
        "2",
        "--top",
        "3",
        pattern,
    ]
    hits = run("su-search", *words).records
    assert ["clip" in hit for hit in hits] == [True, True, False]
    for hit in hits[:2]:
        clip, rate = soundfile.read(hit["clip"], dtype="float32")
        first = max(0.0, hit["start"] - 0.075)
        expected = load_audio(hit["audio_filepath"], first, hit["end"] + 0.075 - first)
        assert rate == RATE and len(clip) == len(expected)
        assert np.abs(clip - expected).max() < 1e-3
    assert sorted(os.listdir(tmp_path / "clips")) == ["0001-01.wav", "0001-02.wav"]


def test_a_query_of_another_rate_with_two_channels_finds_the_same(run, corpus, tmp_path):
    samples = recording([0.6, 1.2, 0.6], seed=0)
    soundfile.write(tmp_path / "mono.wav", samples, RATE)
    both = np.repeat(samples, 3)  # 48 kHz, coarsely
    soundfile.write(tmp_path / "stereo.wav", np.stack([both, both], axis=1), 3 * RATE)
    names = [tmp_path / "mono.wav", tmp_path / "stereo.wav"]
    one, other = run(
        "su-search", "find", "-i", corpus["index"], "--min-score", "0", "--top", "1", *names
    ).records
    assert one["id"] == other["id"] and abs(one["start"] - other["start"]) <= 0.06


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(RATE), "no speech found"),
        (np.zeros(0), "no speech found"),
        (np.sin(np.arange(HOP - 20)) * 0.1, "0.019 s long, shorter than a frame"),
        (np.sin(np.arange(61 * RATE)), "61 s long; a spoken query must have at most 60 s"),
        (np.sin(np.arange(11 * RATE)), "the query has 545 frames; it must have 1 to 500"),
    ],
    ids=["silence", "empty", "short", "too long a file", "too long"],
)
def test_a_recording_that_is_no_query_is_one_line(run, corpus, tmp_path, samples, message):
    path = tmp_path / "q.wav"
    soundfile.write(path, samples, RATE)
    result = run("su-search", "find", "-i", corpus["index"], path)
    assert (result.status, result.stdout, result.stderr) == (1, b"", f"su-search: {path}: {message}\n")


def test_what_an_index_cannot_do_is_said(run, corpus, tmp_path):
    build(run, tmp_path / "bare", [{"id": "a", "units": [1, 2, 3]}])
    soundfile.write(tmp_path / "q.wav", recording([0.1, 0.6, 0.1]), RATE)
    segment = lines(corpus.records("segments.jsonl")[:1])
    for words, stdin in (([tmp_path / "q.wav"], b""), ([], segment)):
        result = run("su-search", "find", "-i", tmp_path / "bare", *words, stdin=stdin)
        assert result.status == 1 and "has no frames, so it cannot be searched by voice" in result.stderr
    other = {**corpus.records("units.jsonl")[0], "codebook": "0123"}
    result = run("su-search", "find", "-i", corpus["index"], stdin=lines([other]))
    known = load_codebook(corpus["codebook.npz"]).hash
    told = f"these units have codebook 0123, but the index has codebook {known}"
    assert result.stderr == f"su-search: -:1: {told}\n"
    assert (
        run("su-search", "find", "-i", corpus["index"], "--clips", "1", "--examples", "0", "1 2").status == 2
    )
    lost = run("su-search", "find", "-i", tmp_path / "none", "1")
    assert lost.stderr == f"su-search: {tmp_path}/none: No such file or directory\n"


def test_an_encoder_of_ones_own_must_lie_where_it_lay_when_a_voice_is_heard(run, corpus, tmp_path):
    rows = [
        {**record, "encoder": f"{tmp_path}/enc@01234567:2"} for record in corpus.records("framed-units.jsonl")
    ]
    assert build(run, tmp_path / "i", rows).status == 0
    soundfile.write(tmp_path / "q.wav", recording([0.1, 0.6, 0.1]), RATE)
    assert run("su-search", "find", "-i", tmp_path / "i", "1 2").status == 0
    result = run("su-search", "find", "-i", tmp_path / "i", tmp_path / "q.wav")
    assert result.status == 1 and f"{tmp_path}/enc" in result.stderr and result.stderr.count("\n") == 1


def test_an_index_is_all_that_is_needed(run, corpus, tmp_path):
    shutil.copy(corpus["index"], tmp_path / "i")
    soundfile.write(tmp_path / "q.wav", recording([0.1, 0.6, 0.1]), RATE)
    assert run("su-search", "find", "-i", "i", "--min-score", "0", "q.wav", cwd=tmp_path).records


def test_an_index_of_no_known_codebook_is_not_given_one_later(run, corpus, tmp_path):
    build(run, tmp_path / "i", [{"id": "a", "units": [1, 2, 3]}])
    before = (tmp_path / "i").read_bytes()
    result = build(run, tmp_path / "i", [{"id": "b", "units": [4]}], "-c", corpus["codebook.npz"])
    told = "the units in the index name no codebook; to use -c, delete it and rebuild it"
    assert (result.status, result.stderr) == (1, f"su-search: {tmp_path}/i: {told}\n")
    assert (tmp_path / "i").read_bytes() == before


def test_units_beyond_the_codebook_are_not_joined_into_an_index():
    with pytest.raises(InputError, match=r"^unit 12 is not in the codebook, whose units are 0 to 11$"):
        index_of([[1, 12]], book())


def test_records_that_name_no_codebook_next_to_ones_that_do_are_counted(run, tmp_path):
    bare, named = {"id": "a", "units": [1]}, {"id": "b", "units": [1], "codebook": "x"}
    told = "1 of 2 records name no codebook; their units are assumed to have codebook x"
    together = build(run, tmp_path / "i", [bare, named])
    assert (together.status, together.stderr) == (0, f"su-search: {told}\n")
    assert build(run, tmp_path / "j", [bare]).stderr == ""
    assert build(run, tmp_path / "j", [named]).stderr == f"su-search: {told}\n"
    assert (tmp_path / "i").read_bytes() == (tmp_path / "j").read_bytes()


def test_a_record_with_an_offset_and_no_duration_is_the_rest_of_its_recording(run, corpus, tmp_path):
    samples = recording([0.6, 1.2, 0.6], seed=0)
    soundfile.write(tmp_path / "q.wav", samples, RATE)
    span = {"id": "q", "audio_filepath": str(tmp_path / "q.wav"), "offset": 1.0}
    rest = {**span, "duration": len(samples) / RATE - 1.0}
    one, other, whole = (
        run("su-search", "find", "-i", corpus["index"], "--min-score", "0", stdin=lines([record])).records
        for record in (span, rest, {**span, "offset": 0.0})
    )
    assert one == other != whole
    soundfile.write(tmp_path / "q.wav", np.tile(samples, 30), RATE)
    result = run("su-search", "find", "-i", corpus["index"], stdin=lines([span]))
    told = f"{tmp_path}/q.wav: more than 60 s long after 1 s; a spoken query must be shorter\n"
    assert (result.status, result.stderr) == (1, f"su-search: -:1: {told}")
