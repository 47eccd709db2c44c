"""su-train-encoder: killed and resumed, scored, adapted, refused."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import ENVIRONMENT, TINY_ENCODER
from processes import ROOT

WEIGHTS = "weights.safetensors"
SETTINGS = [*TINY_ENCODER.split(), "--dtype", "fp32", "--rounds", "2", "--save-every", "3"]


def words(folder, steps, *more):
    return ["-o", str(folder), *SETTINGS, "--steps", str(steps), *more]


@pytest.fixture(scope="module")
def trained(run, corpus, tmp_path_factory):
    """A directory in which 12 steps were done, with nothing in between."""
    folder = tmp_path_factory.mktemp("encoder")
    result = run("su-train-encoder", *words(folder, 12), corpus["segments.jsonl"])
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")
    return folder


def test_what_was_killed_with_kill_9_and_resumed_has_the_bytes_of_what_was_not(trained, corpus, tmp_path):
    command = [sys.executable, f"{ROOT}/bin/su-train-encoder", *words(tmp_path, 12), corpus["segments.jsonl"]]
    log = tmp_path / "log.jsonl"
    with subprocess.Popen(command, env=ENVIRONMENT) as job:
        while job.poll() is None and not (log.exists() and log.read_text()):
            time.sleep(0.005)
        job.send_signal(signal.SIGKILL)
    subprocess.run([*command[:2], *words(tmp_path, 12, "--resume"), command[-1]], env=ENVIRONMENT, check=True)
    assert (tmp_path / WEIGHTS).read_bytes() == (trained / WEIGHTS).read_bytes()
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_all_segments_of_a_recording_are_on_the_same_side_of_the_split(corpus, trained):
    def seconds(name):
        return int(np.load(trained / "cache" / f"{name}.npz")["ends"][-1]) / 16000

    lengths = dict.fromkeys((r["audio_filepath"] for r in corpus.records("segments.jsonl")), 0.0)
    for record in corpus.records("segments.jsonl"):
        lengths[record["audio_filepath"]] += record["duration"]
    assert len(corpus.records("segments.jsonl")) > len(lengths) == 2
    found = sorted(map(seconds, ("training", "held-out")))
    assert found == pytest.approx(sorted(lengths.values()), abs=0.001)


def test_a_directory_that_holds_an_encoder_is_not_overwritten(run, corpus, trained):
    before = (trained / WEIGHTS).read_bytes()
    result = run("su-train-encoder", *words(trained, 12), corpus["segments.jsonl"])
    told = "already holds an encoder; continue with --resume, or choose another folder"
    message = f"su-train-encoder: {trained}: {told}\n"
    assert (result.status, result.stderr) == (1, message)
    assert (trained / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize("change", [["--lr", "1e-4"], ["--seed", "5"], ["--speed", "0"]])
def test_a_run_is_not_resumed_with_other_options(run, corpus, trained, change):
    result = run("su-train-encoder", *words(trained, 12, "--resume", *change), corpus["segments.jsonl"])
    assert result.status == 1
    assert "checkpoint.safetensors: this run began with other options or records" in result.stderr


def test_more_steps_are_no_other_options(run, corpus, trained):
    result = run("su-train-encoder", *words(trained, 12, "--resume"), corpus["segments.jsonl"])
    assert (result.status, result.stderr) == (0, "")


def test_a_folder_with_an_encoder_but_no_checkpoint_is_left_alone(run, corpus, trained, tmp_path):
    (tmp_path / WEIGHTS).write_bytes(b"kept")
    for more in ([], ["--resume"]):
        result = run("su-train-encoder", *words(tmp_path, 2, *more), corpus["segments.jsonl"])
        assert result.status == 1 and "already holds an encoder, without a checkpoint" in result.stderr
    assert (tmp_path / WEIGHTS).read_bytes() == b"kept"


def test_resume_starts_from_the_beginning_if_there_is_no_checkpoint_yet(run, corpus, tmp_path):
    for _ in range(2):
        result = run("su-train-encoder", *words(tmp_path, 2, "--resume"), corpus["segments.jsonl"])
        assert (result.status, result.stderr) == (0, "")
    assert (tmp_path / WEIGHTS).exists()


def test_layers_are_scored_where_there_are_phones(run, corpus, tmp_path):
    more = ["--alignments", corpus["alignments.jsonl"]]
    result = run("su-train-encoder", *words(tmp_path, 2, *more), corpus["units.jsonl"])
    assert (result.status, result.stderr) == (0, "")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    scores = {line["layer"]: line["pnmi"] for line in lines if "layer" in line}
    assert sorted(scores) == [0, 1, 2] and all(0 <= score <= 1 for score in scores.values())


def test_an_encoder_is_adapted_and_keeps_its_shape(run, corpus, trained, tmp_path):
    few = ["--steps", "2", "--rounds", "1", "--clusters", "6", "--batch-seconds", "2", "--held-out", "0.5"]
    more = ["--init", trained, "-o", tmp_path / "own", corpus["segments.jsonl"]]
    result = run("su-train-encoder", *few, *more)
    assert (result.status, result.stderr) == (0, "")
    own, old = ((folder / "config.json").read_text() for folder in (tmp_path / "own", trained))
    assert own == old


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--width", "100"], "it must be a multiple of 64 from 64 to 4096, not 100"),
        (["--convolution", "4"], "--convolution must be an odd number or 0, not 4"),
        (["--clusters", "7,x"], "not a list of numbers separated by commas"),
        (["--lr", "5"], "it must be a number from 1e-07 to 0.1, not 5"),
    ],
)
def test_wrong_options_are_wrong_usage(run, corpus, tmp_path, change, message):
    result = run("su-train-encoder", *words(tmp_path, 2, *change), corpus["segments.jsonl"])
    assert result.status == 2 and message in result.stderr and result.stderr.count("\n") == 1


def test_a_layer_that_is_not_there_cannot_be_the_target(run, corpus, tmp_path):
    result = run("su-train-encoder", *words(tmp_path, 2, "--target-layer", "9"), corpus["segments.jsonl"])
    assert result.status == 2 and "--target-layer must be from 1 to 2, the depth, not 9" in result.stderr


def test_one_recording_is_too_little(run, corpus, tmp_path):
    first = corpus.records("segments.jsonl")[0]
    result = run("su-train-encoder", *words(tmp_path, 2), stdin=json.dumps(first).encode() + b"\n")
    message = "su-train-encoder: at least two records are needed: one is held out for validation\n"
    assert (result.status, result.stderr) == (1, message)


@pytest.mark.parametrize("option", ["--width=128", "--depth=3", "--convolution=0"])
def test_a_shape_that_the_encoder_to_start_from_has_not_is_wrong_usage(
    run, corpus, trained, tmp_path, option
):
    more = ["--init", trained, "-o", tmp_path / "own", option, corpus["segments.jsonl"]]
    result = run("su-train-encoder", *more)
    name, _, value = option.partition("=")
    own = {"--width": 64, "--depth": 2, "--convolution": 15}[name]
    told = f"{name} {value}: with --init {trained} it must be {own}, as in that encoder"
    assert (result.status, result.stderr) == (2, f"su-train-encoder: {told} (see su-train-encoder --help)\n")


def test_records_that_the_layers_are_not_scored_on_are_counted(run, corpus, tmp_path):
    with open(corpus["alignments.jsonl"], "rb") as file:
        kept = file.readlines()
    (tmp_path / "some.jsonl").write_bytes(b"".join(kept[1:]))
    more = ["--alignments", tmp_path / "some.jsonl"]
    result = run("su-train-encoder", *words(tmp_path / "enc", 2, *more), corpus["units.jsonl"])
    told = f"1 of {len(kept)} records have no usable alignment; the layers are scored on the others"
    assert (result.status, result.stderr) == (0, f"su-train-encoder: {told}\n")


def last_line(folder):
    return json.loads((folder / "log.jsonl").read_text().splitlines()[-1])


@pytest.mark.parametrize("labels", ["units.jsonl", "alignments.jsonl"])
def test_labels_of_frames_are_learned(run, corpus, tmp_path, labels):
    more = ["--targets", corpus[labels], "--rounds", "0", "--dtype", "fp32"]
    result = run("su-train-encoder", *words(tmp_path, 3), *more, corpus["units.jsonl"])
    assert (result.status, result.stderr) == (0, "")
    line = last_line(tmp_path)
    assert 0 <= line["label_accuracy"] <= 1 and "held_out_loss" not in line


def test_segments_without_labels_are_counted(run, corpus, tmp_path):
    labelled = corpus.records("units.jsonl")
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(r) + "\n" for r in labelled[:-1]))
    more = ["--targets", tmp_path / "some.jsonl", "--rounds", "1"]
    result = run("su-train-encoder", *words(tmp_path / "enc", 2), *more, corpus["units.jsonl"])
    assert result.status == 0 and "have no labels; for example, there is no alignment of" in result.stderr


def test_labels_of_other_recordings_are_an_error(run, corpus, tmp_path):
    (tmp_path / "other.jsonl").write_text('{"id": "x", "units": [1, 2, 3]}\n')
    more = ["--targets", tmp_path / "other.jsonl"]
    result = run("su-train-encoder", *words(tmp_path / "enc", 2), *more, corpus["units.jsonl"])
    assert result.status == 1 and "records has labels; for example, " in result.stderr
    assert result.stderr.count("\n") == 1


def test_codewords_of_a_teacher_are_learned(run, corpus, tmp_path):
    more = ["--online-layers", "2", "--codewords", "8", "--fade", "0.5", "--rounds", "1"]
    result = run("su-train-encoder", *words(tmp_path, 4), *more, corpus["segments.jsonl"])
    assert (result.status, result.stderr) == (0, "")
    line = last_line(tmp_path)
    assert all(1 <= line[f"codebook_perplexity_{layer}"] <= 8 for layer in (1, 2))


def test_an_encoder_is_refined_with_terms(run, corpus, trained, tmp_path):
    first = corpus.records("segments.jsonl")
    spans = [
        {"id": r["id"], "audio_filepath": r["audio_filepath"], "start": r["offset"], "end": r["offset"] + 0.4}
        for r in first
    ]
    (tmp_path / "terms.jsonl").write_text(json.dumps({"term": 1, "occurrences": spans}) + "\n")
    few = ["--steps", "3", "--batch-seconds", "4", "--held-out", "0.5", "--codewords", "16"]
    more = ["--init", trained, "--objective", "swapped", "--pairs", tmp_path / "terms.jsonl"]
    result = run("su-train-encoder", *few, *more, "-o", tmp_path / "own", corpus["segments.jsonl"])
    assert (result.status, result.stderr) == (0, "")
    assert 0 <= last_line(tmp_path / "own")["held_out_agreement"] <= 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--online-layers", "3"], "--online-layers must be at most 2, the depth, not 3"),
        (["--rounds", "0"], "--rounds 0 needs --online-layers or --targets: there is nothing to learn"),
        (["--objective", "swapped"], "--objective swapped needs --init: it only refines an encoder"),
        (["--pairs", "x"], "--pairs needs --objective swapped"),
        (
            ["--objective", "swapped", "--online-layers", "1"],
            "--objective swapped has neither --online-layers nor --targets",
        ),
    ],
)
def test_objectives_that_do_not_go_together_are_wrong_usage(run, corpus, tmp_path, more, message):
    result = run("su-train-encoder", *words(tmp_path, 2), *more, corpus["segments.jsonl"])
    assert result.status == 2 and message in result.stderr and result.stderr.count("\n") == 1
