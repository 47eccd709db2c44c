"""What a tool chooses, leaves out or replaces without being asked is said; channels are carried along."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
from test_discovery import CONFIG, PLACES, WORD, K, corpus_with

from units.files.streams import read_records
from units.patterns.discovery.find import discover
from units.records import InputWarning
from units.training.vocoder import dataset


def lines(records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture
def stereo(tmp_path):
    """Two channels of noise, the second of a quarter of the level of the first, as two records with units."""
    noise = np.random.default_rng(0).standard_normal(32000) * 0.1
    soundfile.write(tmp_path / "two.wav", np.stack([noise, noise[::-1] / 4], axis=1), 16000)
    units = np.random.default_rng(1).permutation(30).repeat(3)[:80].tolist()
    named = {"audio_filepath": str(tmp_path / "two.wav"), "units": units}
    return [{"id": "left", "channel": 0, **named}, {"id": "right", "channel": 1, **named}]


def test_terms_and_their_clips_are_of_their_channels(run, stereo, tmp_path):
    options = ["--keep-pauses", "--clips", tmp_path / "clips", "--examples", "2", "--top", "1"]
    result = run("su-discover", *options, stdin=lines(stereo))
    assert (result.status, result.stderr) == (0, "")
    (term,) = result.records
    assert [each["channel"] for each in term["occurrences"]] == [0, 1]
    levels = sorted(float(np.std(soundfile.read(path)[0])) for path in term["clips"])
    assert levels == pytest.approx([0.025, 0.1], rel=0.1)


def test_what_is_found_and_its_clips_are_of_their_channels(run, stereo, tmp_path):
    index = tmp_path / "index"
    assert run("su-search", "build", "-o", index, stdin=lines(stereo)).status == 0
    query = " ".join(map(str, dict.fromkeys(stereo[0]["units"][9:60])))
    options = ["-i", index, "--top", "2", "--clips", tmp_path / "clips", "--examples", "2"]
    hits = run("su-search", "find", *options, query).records
    assert [(hit["channel"], hit["score"]) for hit in hits] == [(0, 1.0), (1, 1.0)]
    levels = [float(np.std(soundfile.read(hit["clip"])[0])) for hit in hits]
    assert levels == pytest.approx([0.1, 0.025], rel=0.1)


def test_frames_are_of_the_channel_that_the_record_names(run, stereo):
    result = run("su-encode", "-m", "mfcc", stdin=lines([*stereo, {**stereo[0], "id": "mix"}]))
    assert result.status == 0
    del stereo[0]["channel"]
    assert run("su-encode", "-m", "mfcc", stdin=lines(stereo)).stdout != result.stdout


def test_labels_of_a_channel_name_it(run):
    term = {
        "term": 1,
        "occurrences": [{"id": "a", "audio_filepath": "a.wav", "channel": 1, "start": 0, "end": 1}],
    }
    found = run("su-labels", "export", "-t", "json", stdin=lines([term])).records
    assert found[0]["channel"] == 1
    wrong = {"term": 1, "occurrences": [{"id": "a", "channel": "left", "start": 0, "end": 1}]}
    assert run("su-labels", "export", "-t", "json", stdin=lines([wrong])).status == 1


def test_what_is_spoken_has_no_channel_of_the_recording(run, corpus, tmp_path):
    (record, *_) = corpus.records("units.jsonl")
    spoken = run(
        "su-synth",
        "-m",
        corpus["vocoder"],
        "--audio",
        tmp_path / "s",
        stdin=lines([{**record, "channel": 0}]),
    )
    assert spoken.status == 0 and "channel" not in spoken.records[0]


def test_a_record_of_other_audio_that_takes_an_id_of_the_index_is_said(run, tmp_path):
    record = {"id": "a", "audio_filepath": "a.wav", "units": [1, 2, 3]}
    command = ["su-search", "build", "-o", tmp_path / "index"]
    assert run(*command, stdin=lines([record])).stderr == ""
    assert run(*command, stdin=lines([{**record, "units": [1, 2]}])).stderr == ""
    said = run(*command, stdin=lines([{**record, "audio_filepath": "b.wav"}])).stderr
    assert (
        said == "su-search: 1 records of the index are replaced by records of other audio with the same id\n"
    )


def test_records_that_last_longer_than_their_references_are_said(run, corpus):
    reference = corpus.records("segments.jsonl")
    shorter = [{**record, "duration": record["duration"] - 0.2} for record in reference]
    command = ["su-eval", "speech", "-j", "1", "--metrics", "log_mel", corpus["segments.jsonl"], "-"]
    assert "differ in length" not in run(*command, stdin=lines(reference)).stderr
    count = f"{len(reference)} of {len(reference)}"
    said = f"su-eval: {count} records differ in length from REF; only the common part is compared\n"
    assert said in run(*command, stdin=lines(shorter)).stderr


def test_alignments_that_are_left_out_are_said():
    config = dataclasses.replace(CONFIG, max_alignments=3, false_alarms=100.0)
    with pytest.warns(InputWarning, match="more than 3 alignments: only the best are kept"):
        discover(corpus_with(WORD, PLACES), K, None, config)


def test_a_speaker_with_no_voiced_frame_is_said():
    zeros = np.zeros(4)
    corpus = dataset.UnitCorpus(
        zeros.astype(int), np.array([0, 0, 90, 95.0]), np.array([0, 0, 1, 1]), zeros, zeros
    )
    with pytest.warns(InputWarning, match="speaker 1 of 2 has no voiced frame"):
        means, _ = dataset.f0_statistics(corpus, 2)
    assert means[1] == pytest.approx(np.log([90, 95]).mean())


def test_units_of_two_encoders_train_no_vocoder(run, corpus, tmp_path):
    one, other, *_ = read_records([corpus["units.jsonl"]])
    del one["codebook"], other["codebook"]
    result = run("su-train-vocoder", "-o", tmp_path / "v", stdin=lines([one, {**other, "encoder": "x"}]))
    assert (result.status, result.stderr) == (
        1,
        "su-train-vocoder: -:2: encoder differs from that of earlier records\n",
    )
