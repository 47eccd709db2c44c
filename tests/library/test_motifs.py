"""su-bpe motifs: what recurs is found where it is, ranked, and cut for listening."""

import json

import numpy as np
import pytest
import reference_motifs as reference
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from test_bpe import WORD, corpus, lines, model

from units.config import BpeConfig
from units.patterns.bpe import to_text, train
from units.patterns.corpus import Recording
from units.patterns.motifs import Motif, association, describe_motif, find_motifs
from units.patterns.occurrences import choose_examples


def segment(units, name="a", path="a.wav", speaker=None, offset=0.0):
    edges = offset + 0.02 * np.arange(len(units) + 1)
    return Recording(np.array(units, np.int32), edges, name, path, speaker, float(edges[-1]))


def pieces_of(recordings):
    return [model().encode(each.units) for each in recordings]


def motif(durations, where=None):
    starts = np.arange(len(durations)) * 10.0
    where = range(len(durations)) if where is None else where
    return Motif(7, [1, 2], np.array(where), starts, starts + durations, 1.0)


@given(st.integers(0, 2**32))
def test_association_is_a_count_against_that_of_a_chain_of_pairs(seed):
    rng = np.random.default_rng(seed)
    sequences = [rng.integers(0, 3, n) for n in (50, 0, 1, 80)]
    strings = [[0, 1], [1, 1], [0, 1, 2], [2, 0, 2, 1]]
    strings = [s for s in strings if reference.count(s, sequences)]
    counts = [rng.integers(1, 9) for _ in strings]
    expected = [reference.association(s, n, sequences) for s, n in zip(strings, counts, strict=True)]
    assert association(strings, counts, sequences) == pytest.approx(expected, abs=1e-6)


def test_a_pair_across_two_sequences_is_no_pair():
    apart = [np.array([0, 1, 0, 1, 0, 1]), np.array([2, 1, 2, 1])]
    assert association([[0, 1]], [3], apart)[0] == pytest.approx(0)


def test_a_word_is_more_than_its_pairs_and_a_chance_string_is_not():
    sequences = [np.array(units) for units in corpus()]
    strings = [WORD, [4, 6, 1]]
    counts = [reference.count(string, sequences) for string in strings]
    word, chance = association(strings, counts, sequences)
    assert word > 1000
    assert abs(chance) < 10


def test_a_string_of_512_units_has_a_finite_association():
    units = np.random.default_rng(0).integers(0, 9999, 512)
    assert np.isfinite(association([units.tolist()], [2], [units, np.arange(9999), units[::-1]])).all()


def test_every_occurrence_is_found_with_its_time():
    segments = [segment(units, f"s{i}", offset=1000.0 * i) for i, units in enumerate(corpus(seed=5))]
    expected = reference.occurrences(segments, model())
    motifs = find_motifs(segments, pieces_of(segments), model(), min_count=1, ranking="llr")
    assert {m.piece for m in motifs} == {p for p in expected if len(model().units_of(p)) > 1}
    for m in motifs:
        found = list(zip(m.where.tolist(), m.starts.tolist(), m.ends.tolist(), strict=True))
        assert found == expected[m.piece]
    assert motifs[0].units == WORD


def test_motifs_are_ranked_by_association_or_count_and_the_rare_left_out():
    segments = [segment(units, path=f"{i}.wav") for i, units in enumerate(corpus(seed=5))]
    motifs = find_motifs(segments, pieces_of(segments), model(), ranking="llr")
    assert [m.llr for m in motifs] == sorted((m.llr for m in motifs), reverse=True)
    counts = [len(m.where) for m in find_motifs(segments, pieces_of(segments), model(), ranking="count")]
    assert counts == sorted(counts, reverse=True)
    least = counts[len(counts) // 2]
    assert len(find_motifs(segments, pieces_of(segments), model(), min_count=least)) == sum(
        count >= least for count in counts
    )


def test_a_motif_says_in_how_many_recordings_and_by_how_many_speakers_it_was_heard():
    segments = [
        segment(WORD, "a", "x.wav", "Ana"),
        segment(WORD, "b", "./x.wav", "Ana", offset=5.0),
        segment(WORD, "c", "y.wav", "Rui", offset=7.0),
        segment(WORD, "d", "z.wav"),
    ]
    (found,) = find_motifs(segments, pieces_of(segments), model())
    record = describe_motif(found, segments)
    assert (record["count"], record["recordings"], record["speakers"]) == (4, 3, 2)
    assert (record["mean_duration"], record["sd_duration"]) == pytest.approx((0.14, 0.0), abs=1e-6)
    third = {"id": "c", "audio_filepath": "y.wav", "start": 7.0, "end": 7.14}
    assert record["occurrences"][2] == third


def test_no_segments_have_no_motifs():
    assert find_motifs([], [], model()) == []
    assert find_motifs([segment([])], [model().encode([])], model()) == []


def test_examples_come_from_all_speakers_and_recordings_before_any_comes_twice():
    names = [("x", "Ana"), ("x", "Ana"), ("y", "Ana"), ("z", "Rui"), ("z", "Rui")]
    segments = [segment([1], path=path, speaker=speaker) for path, speaker in names]
    chosen = choose_examples(motif([0.2] * 5), segments, 4)
    assert [names[i] for i in chosen] == [("x", "Ana"), ("z", "Rui"), ("y", "Ana"), ("z", "Rui")]


def test_the_example_of_typical_duration_comes_first():
    segments = [segment([1]) for _ in range(5)]
    assert choose_examples(motif([0.9, 0.1, 0.3, 0.31, 0.5]), segments, 2) == [3, 2]


@pytest.fixture(scope="module")
def motif_files(tmp_path_factory):
    """A model, and two recordings of hum where WORD, a second long, stands at 2 s and ends the recording."""
    folder = tmp_path_factory.mktemp("motifs")
    (folder / "model").write_bytes(train(map(to_text, corpus()), BpeConfig(vocab_size=60)))
    records = []
    for name in ("🔴 a", "b"):
        wave = 0.1 * np.sin(np.arange(8000 * 4.5) / 9)
        soundfile.write(folder / f"{name}.wav", wave, 8000)
        units = [1, 4, *WORD, 4, *WORD]
        counts = [25, 25, *[7] * 6, 8, 50, *[7] * 6, 8]  # 0.5 s into the file: 0.5 + 1.0 + 1.0 = 2.5 s
        path = str(folder / f"{name}.wav")
        records.append({"id": name, "audio_filepath": path, "offset": 0.5, "units": units, "counts": counts})
    (folder / "units.jsonl").write_bytes(lines(records))
    return folder


def test_the_tool_writes_a_record_a_motif_with_times_in_the_recording(run, motif_files):
    found = run("su-bpe", "motifs", "-m", motif_files / "model", motif_files / "units.jsonl")
    best = found.records[0]
    assert best["units"] == WORD
    assert list(best)[:3] == ["motif", "units", "count"]
    times = [[each["id"], each["start"], each["end"]] for each in best["occurrences"]]
    assert times == [["🔴 a", 1.5, 2.5], ["🔴 a", 3.5, 4.5], ["b", 1.5, 2.5], ["b", 3.5, 4.5]]
    top = run("su-bpe", "motifs", "--top", "1", "-m", motif_files / "model", motif_files / "units.jsonl")
    assert top.stdout == found.stdout.splitlines(keepends=True)[0]


def test_the_frame_shift_of_the_records_is_theirs(run, motif_files):
    record = json.loads((motif_files / "units.jsonl").read_bytes().splitlines()[0])
    twice = lines([{**record, "frame_shift": 0.01}])
    found = run("su-bpe", "motifs", "-m", motif_files / "model", stdin=twice)
    first = found.records[0]["occurrences"][0]
    assert (first["start"], first["end"]) == (1.0, 1.5)


def test_clips_are_cut_with_75_ms_around_as_far_as_the_segment_goes(run, motif_files, tmp_path):
    options = ["-m", motif_files / "model", "--clips", tmp_path / "clips", "--examples", "3", "--top", "1"]
    (best,) = run("su-bpe", "motifs", *options, motif_files / "units.jsonl").records
    seconds = {}
    for name in best["clips"]:
        samples, rate = soundfile.read(name)
        assert (rate, samples.ndim) == (16000, 1)
        seconds[name.split("/")[-1]] = len(samples) / rate
    assert list(seconds) == [f"0001-{best['motif']}-{i}.wav" for i in (1, 2, 3)]
    assert sorted(seconds.values()) == [1.075, 1.15, 1.15]


def test_clips_need_recordings(run, motif_files):
    options = ["-m", motif_files / "model", "--clips", motif_files / "none", "--examples", "1"]
    silent = run("su-bpe", "motifs", *options, stdin=lines([{"units": WORD * 3}]))
    assert (silent.status, silent.stderr) == (1, 'su-bpe: -:1: no "audio_filepath"\n')


def test_a_model_that_keeps_runs_finds_motifs_in_frames(run, tmp_path):
    frames = lines([{"id": str(i), "units": np.repeat(u, 2).tolist()} for i, u in enumerate(corpus())])
    options = ["--keep-runs", "--vocab-size", "60", "-o", tmp_path / "m"]
    assert run("su-bpe", "train", *options, stdin=frames).stderr == ""
    (best,) = run("su-bpe", "motifs", "--keep-runs", "--top", "1", "-m", tmp_path / "m", stdin=frames).records
    assert best["units"][:4] == [WORD[0], WORD[0], WORD[1], WORD[1]] or len(best["units"]) > 7
