"""su-eval speech: how it pairs, measures, summarizes, holds to bounds, and ends."""

import importlib.util
import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from processes import wait_for
from speechlike import recording

from units.audio.writing import save
from units.cli.eval_speech import computable
from units.cli.tool import Job
from units.metrics.bootstrap import interval
from units.metrics.speech import NAMES, compare, missing
from units.metrics.unit_error import unit_error_rate

QUICK = "log_mel,vde,comb_db"


def speech(seed, seconds=0.9):
    samples = recording([0.1, seconds], seed=seed)
    return samples + 1e-4 * np.random.default_rng(seed).standard_normal(len(samples)).astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Five recordings, and copies half as loud, under ref.jsonl and syn.jsonl in a folder."""
    folder = tmp_path_factory.mktemp("speech")
    for name, gain in (("ref", 1.0), ("syn", 0.5)):
        records = []
        for i in range(5):
            path = str(folder / f"{name} {i}.wav")
            save(path, gain * speech(i))
            records.append({"id": f"r{i}", "audio_filepath": path, "verse": f"Mc 1:{i}"})
        (folder / f"{name}.jsonl").write_bytes(lines(records))
    return folder


def lines(records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def records_in(path):
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


@pytest.mark.usefixtures("with_pesq")
def test_each_record_gets_its_figures_and_the_last_line_their_means(run, corpus):
    result = run("su-eval", "speech", "-j1", "ref.jsonl", "syn.jsonl", cwd=corpus)
    assert (result.status, result.stderr) == (0, "")
    *records, last = result.records
    assert [record["id"] for record in records] == [f"r{i}" for i in range(5)]
    assert [record["verse"] for record in records] == [f"Mc 1:{i}" for i in range(5)]
    assert all([name for name in NAMES if name in record] == list(NAMES[:-2]) for record in records)
    assert last["records"] == 5
    assert list(last["summary"]) == list(NAMES[:-2])
    assert last["summary"]["mcd"] == interval([record["mcd"] for record in records])
    assert last["summary"]["log_mel"]["mean"] == pytest.approx(math.log(2), abs=0.02)
    assert last["summary"]["mcd"]["mean"] < 0.5 and last["summary"]["pesq"]["mean"] > 4.5


def test_jobs_and_repetition_do_not_change_a_byte(run, corpus, tmp_path):
    outputs = []
    for jobs in ("1", "2", "2"):
        out = tmp_path / "out.jsonl"
        arguments = ("--metrics", "mcd_dtw,vde", "-j", jobs, "-o", out)
        assert run("su-eval", "speech", *arguments, "ref.jsonl", "syn.jsonl", cwd=corpus).status == 0
        outputs.append(out.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_only_the_figures_asked_for_are_computed_and_none_of_an_earlier_run_stays(run, corpus):
    syn = records_in(corpus / "syn.jsonl")
    syn[0]["vde"] = 9
    syn[0]["mcd"] = 7
    arguments = ("--metrics", "vde,log_mel", "-j1", "ref.jsonl", "-")
    result = run("su-eval", "speech", *arguments, stdin=lines(syn), cwd=corpus)
    first, *_, last = result.records
    assert first["vde"] == 0 and first["mcd"] == 7
    assert list(last["summary"]) == ["log_mel", "vde"]


def test_real_time_factors_are_averaged_where_records_carry_them(run, corpus):
    syn = records_in(corpus / "syn.jsonl")
    syn[1]["rtf"], syn[2]["rtf"] = 0.1, 0.3
    arguments = ("--metrics", "vde,rtf", "-j1", "ref.jsonl", "-")
    *records, last = run("su-eval", "speech", *arguments, stdin=lines(syn), cwd=corpus).records
    assert last["summary"]["rtf"]["mean"] == pytest.approx(0.2)
    assert ["rtf" in record for record in records] == [False, True, True, False, False]


def test_offset_and_duration_lead_to_the_same_speech(run, corpus, tmp_path):
    chapter = tmp_path / "chapter.wav"
    save(chapter, np.concatenate([speech(9), speech(3), speech(8)]))
    ref = {"id": "r3", "audio_filepath": str(chapter), "offset": 1.0, "duration": 1.0}
    (tmp_path / "ref.jsonl").write_bytes(lines([ref]))
    syn = lines(records_in(corpus / "ref.jsonl")[3:4])
    arguments = ("--metrics", "log_mel", "-j1", tmp_path / "ref.jsonl", "-")
    result = run("su-eval", "speech", *arguments, stdin=syn, cwd=corpus)
    assert result.records[0]["log_mel"] < 0.001


def test_what_has_no_reference_is_a_fault_of_its_record(run, corpus):
    syn = records_in(corpus / "syn.jsonl")
    syn[1]["id"] = "other"
    syn[3] = dict(syn[2])
    del syn[4]["audio_filepath"]
    arguments = ["speech", "--metrics", QUICK, "-j2", "ref.jsonl", "-"]
    result = run("su-eval", *arguments, stdin=lines(syn), cwd=corpus)
    assert result.status == 1
    assert result.stderr == "su-eval: -:2: REF has no record with the id 'other'\n"
    assert [record["id"] for record in result.records] == ["r0"]
    result = run("su-eval", *arguments, "--keep-going", "-v", stdin=lines(syn), cwd=corpus)
    assert result.status == 1
    assert [record.get("id") for record in result.records] == ["r0", "r2", None]
    assert result.stderr.splitlines() == [
        "su-eval: r0",
        "su-eval: -:2: REF has no record with the id 'other'",
        "su-eval: r2",
        "su-eval: -:4: \"id\" 'r2' occurs twice",
        'su-eval: -:5: no "audio_filepath"',
        "su-eval: 3 of 5 records of REF were not compared",
        "su-eval: 3 of 5 records skipped",
    ]


def test_a_reference_without_its_audio_is_named(run, corpus, tmp_path):
    ref = records_in(corpus / "ref.jsonl")
    ref[0]["audio_filepath"] = "/nowhere/a.wav"
    ref.append(dict(ref[1]))
    (tmp_path / "ref.jsonl").write_bytes(lines(ref))
    arguments = ["speech", "--keep-going", "--metrics", QUICK, "-j1", tmp_path / "ref.jsonl", "syn.jsonl"]
    result = run("su-eval", *arguments, cwd=corpus)
    place = tmp_path / "ref.jsonl"
    assert result.stderr.splitlines() == [
        f"su-eval: {place}:6: \"id\" 'r1' occurs twice",
        f"su-eval: syn.jsonl:1: {place}:1: /nowhere/a.wav: No such file or directory",
        "su-eval: 2 of 5 records skipped",
    ]
    assert [record.get("id") for record in result.records] == ["r1", "r2", "r3", "r4", None]


def test_nothing_to_measure_is_an_empty_summary(run, corpus):
    result = run("su-eval", "speech", "ref.jsonl", "-", cwd=corpus)
    assert (result.status, result.records) == (0, [{"summary": {}, "records": 0}])


def test_gates_name_every_figure_that_failed_and_the_output_is_whole(run, corpus, tmp_path):
    out = tmp_path / "out.jsonl"
    arguments = ["speech", "--metrics", QUICK, "-j1", "ref.jsonl", "syn.jsonl", "-o", out]
    gates = ["--at-most=log_mel=0.5", "--at-least=vde=1", "--at-most=comb_db=20", "--at-least=stoi=0"]
    result = run("su-eval", *arguments, *gates, cwd=corpus)
    assert result.status == 1
    message = result.stderr.strip().split("; ")
    assert message[0].startswith("su-eval: log_mel is 0.6") and message[0].endswith("above 0.5")
    assert message[1].startswith("vde is 0") and message[1].endswith("below 1")
    assert message[2:] == ["stoi could not be computed"]
    assert records_in(out)[-1]["records"] == 5
    assert run("su-eval", *arguments, "--at-most", "log_mel=0.8", cwd=corpus).status == 0


@pytest.mark.parametrize(
    "arguments",
    [["--metrics", "mcd,wer"], ["--at-most", "wer=1"], ["--at-most", "mcd"], ["--jobs", "0"]],
)
def test_unknown_figures_are_wrong_usage(run, corpus, arguments):
    result = run("su-eval", "speech", *arguments, "ref.jsonl", "syn.jsonl", cwd=corpus)
    assert result.status == 2 and result.stderr.count("\n") == 1


def test_two_standard_inputs_are_wrong_usage(run):
    assert run("su-eval", "speech", "-", "-").status == 2


def test_a_missing_library_is_named_in_a_line_and_its_figures_are_absent(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pesq" else name)
    assert missing(NAMES) == {"pesq": "pesq"}
    assert computable(Job("su-eval"), ("mcd", "pesq")) == ("mcd",)
    said = "su-eval: pesq is left out: it needs the extra speech-units[pesq]\n"
    assert capsys.readouterr().err == said


@pytest.mark.usefixtures("with_pesq")
def test_a_length_mismatch_compares_what_both_have(corpus):
    whole, half = speech(0, 1.8), speech(0, 1.8)[:16000]
    figures = compare(whole, half, ("log_mel", "mcd", "mcd_dtw", "stoi", "vde"))
    assert figures["log_mel"] < 0.05 and figures["mcd"] < 0.5 and figures["vde"] < 0.05
    assert figures["mcd_dtw"] > 1  # the half that is missing has to be aligned with something
    assert compare(whole, half[:0]) == {}


@pytest.mark.usefixtures("with_pesq")
def test_silence_for_a_resynthesis_has_no_pitch_nor_quality(corpus):
    figures = compare(speech(0), np.zeros(16000, np.float32))
    assert {"f0_rmse_hz", "f0_corr", "gpe", "pesq", "mos", "comb_db"}.isdisjoint(figures)
    assert figures["stoi"] == 0 and figures["vde"] > 0.3 and figures["log_mel"] > 1


def test_unit_errors_are_edits_of_runs_over_the_length_spoken():
    assert unit_error_rate([1, 1, 2, 3], [1, 2, 2, 3, 3]) == 0
    assert unit_error_rate([1, 2, 3, 4], [1, 3, 4, 5]) == 0.5
    assert unit_error_rate([1, 2], []) == 1
    assert unit_error_rate([], [1]) is None


@pytest.mark.parametrize("penalty", ["0", "8"])
def test_a_resynthesis_is_heard_in_the_units_of_the_codebook(run, corpus, tmp_path, penalty):
    ref, book = corpus / "ref.jsonl", tmp_path / "book.npz"
    frames = run("su-encode", "-m", "mfcc", ref).stdout
    assert run("su-cluster", "-k", "8", "-o", book, stdin=frames).status == 0
    spoken = run("su-quantize", "-c", book, "--smooth", penalty, stdin=frames).records
    save(tmp_path / "noise.wav", 0.1 * np.random.default_rng(0).standard_normal(16000))
    spoken[4]["audio_filepath"] = str(tmp_path / "noise.wav")
    arguments = ["speech", "-c", book, "--metrics", "uer", "-j1", ref, "-"]
    result = run("su-eval", *arguments, stdin=lines(spoken))
    rates = [record["uer"] for record in result.records[:-1]]
    assert rates[:4] == [0, 0, 0, 0] and rates[4] > 0.5
    spoken[0]["codebook"] = "0" * 12
    result = run("su-eval", *arguments, stdin=lines(spoken))
    assert result.status == 1 and "su-eval: -:1: these units have codebook 000000000000" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_tool_and_its_workers_and_leaves_nothing(run, corpus, tmp_path, number):
    ref = records_in(corpus / "ref.jsonl")[0]
    many = [{**ref, "id": f"r{i}"} for i in range(4000)]
    (tmp_path / "many.jsonl").write_bytes(lines(many))
    with open(tmp_path / "said", "wb") as said:
        arguments = ("speech", "-vj2", "--metrics=vde", "many.jsonl", "many.jsonl", "-o", "out.jsonl")
        process = run.start("su-eval", *arguments, stderr=said, cwd=tmp_path)
        wait_for(lambda: (tmp_path / "said").stat().st_size, process)
        process.send_signal(number)
        assert process.wait() == -number
    assert "Traceback" not in (tmp_path / "said").read_text()
    assert sorted(os.listdir(tmp_path)) == ["many.jsonl", "said"]


def test_recordings_of_other_lengths_are_told_of_whether_or_not_records_say_how_long_they_are(
    run, corpus, tmp_path
):
    save(tmp_path / "long.wav", speech(0, 1.5))
    record = {"id": "r0", "audio_filepath": str(tmp_path / "long.wav")}
    words = ("speech", "-j1", "--metrics", "log_mel", "ref.jsonl", "-")
    result = run("su-eval", *words, stdin=lines([record]), cwd=corpus)
    told = "1 of 1 records differ in length from REF; only the common part is compared"
    assert (result.status, result.stderr) == (0, f"su-eval: {told}\n")


def test_audio_that_is_compared_with_itself_is_reported(run, corpus):
    result = run("su-eval", "speech", "-j1", "--metrics", "log_mel", "ref.jsonl", "ref.jsonl", cwd=corpus)
    count = result.records[-1]["records"]
    message = f"{count} of {count} records are compared with themselves: REF and SYN name the same audio"
    assert (result.status, result.stderr) == (0, f"su-eval: {message}\n")
    implicit = lines(
        [
            {"id": r["id"], "audio_filepath": r["audio_filepath"], "offset": 0}
            for r in records_in(corpus / "ref.jsonl")
        ]
    )
    result = run(
        "su-eval", "speech", "-j1", "--metrics", "log_mel", "ref.jsonl", "-", stdin=implicit, cwd=corpus
    )
    assert "compared with themselves" in result.stderr
